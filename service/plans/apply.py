"""Applying a rulebook to the stored registry: decide, compare, import what differs; all of it or nothing."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.errors import InputError
from detectors.registry import Episode, Registry
from service.db.registry import ChangeSet, apply_registry, plan_registry, take_turn
from service.db.registry_load import load_rows
from service.db.rulebooks import keep_rulebook
from service.plans.changes import PlanChanges, plan_changes
from service.plans.shipped import Reading


@dataclass(frozen=True, slots=True)
class Application:
    """What a rulebook changes of the orders, and with them of the stored registry."""

    plan: PlanChanges
    stored: ChangeSet
    registry: Registry  # as it was before


async def diff_plan(connection: AsyncConnection, reading: Reading, now: float, *, slot_s: int = 900) -> Application:
    """What ``apply_plan`` would do; only reads."""
    before = await load_rows(connection)
    plan = plan_changes(reading.rulebook, before.registry)
    changes = await plan_registry(connection, plan.rows, now, slot_s=slot_s, stored=before)
    return Application(plan, changes, before.registry)


async def apply_plan(connection: AsyncConnection, reading: Reading, now: float, *, slot_s: int = 900) -> Application:
    """Make the orders of a rulebook stand, in the caller's transaction. Slots that they touch are judged again.

    Raises:
        PlantPlanError: a plant's own plan asks for less than its clause.
        InputError: this version of the rulebook was applied with another text.
        RegistryErrors: a row cannot be stored.
    """
    await take_turn(connection)
    before = await load_rows(connection)
    plan = plan_changes(reading.rulebook, before.registry)
    stored = await apply_registry(connection, plan.rows, now, slot_s=slot_s, stored=before)
    await keep_rulebook(connection, reading.rulebook, reading.body, datetime.fromtimestamp(now, UTC))
    return Application(plan, stored, before.registry)


async def warn(
    connection: AsyncConnection, reading: Reading, episode: Episode, now: float, *, slot_s: int = 900
) -> Application:
    """Put a warning level in force from ``episode.valid_from`` on, and apply the rulebook of levels.

    Raises:
        InputError: the rulebook has no such level; what ``apply_plan`` raises.
    """
    known = [level.level for level in reading.rulebook.levels]
    if episode.level not in known:
        raise InputError(f"{reading.rulebook.rulebook_id} has no level {episode.level!r}: {', '.join(known) or 'none'}")
    await take_turn(connection)
    before = await load_rows(connection)
    await apply_registry(connection, _segments(before.registry, episode), now, slot_s=slot_s, stored=before)
    return await apply_plan(connection, reading, now, slot_s=slot_s)


async def end_warning(
    connection: AsyncConnection, reading: Reading, episode_id: str, at: int, now: float, *, slot_s: int = 900
) -> Application:
    """End an episode at ``at`` (epoch seconds), and apply the rulebook of levels. Raises InputError where it is not in
    force then."""
    await take_turn(connection)
    before = await load_rows(connection)
    running = [e for e in before.registry.episodes if e.episode_id == episode_id and e.valid_from < at < e.valid_to]
    if not running:
        raise InputError(f"episode {episode_id} is not in force at that time / 该过程此时未生效")
    ended = tuple(replace(e, valid_to=at) for e in running)
    rows = Registry(zone=before.registry.zone, episodes=ended)
    await apply_registry(connection, rows, now, slot_s=slot_s, stored=before)
    return await apply_plan(connection, reading, now, slot_s=slot_s)


def _segments(stored: Registry, episode: Episode) -> Registry:
    """The new segment, and the one that it ends."""
    ended = tuple(
        replace(e, valid_to=episode.valid_from)
        for e in stored.episodes
        if (e.episode_id, e.county) == (episode.episode_id, episode.county)
        and e.valid_from < episode.valid_from < e.valid_to
    )
    return Registry(zone=stored.zone, episodes=(*ended, episode))
