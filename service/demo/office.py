"""What the office does in the story, as a user would: it imports its files, applies the plan, and warns."""

from collections import Counter
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.registry import FOREVER, Episode, Registry
from service.db.registry import apply_registry
from service.demo.plan import ORANGE, SEASON_PLAN, WARNING_END_S, WARNING_PLAN, YELLOW
from service.demo.season import instant
from service.plans.apply import apply_plan, end_warning, warn
from service.plans.changes import OrderChange
from service.plans.shipped import read_rulebook


@dataclass(frozen=True, slots=True)
class Act:
    """One act at ``at_s`` (epoch seconds): exactly one of ``rows``, ``warns`` and ``ends`` is set.

    rows: an import, after which the season's plan is applied. warns: a level begins, its end open. ends: an episode
    ends at ``Episode.valid_to``.
    """

    at_s: int
    words: str
    rows: Registry | None = None
    warns: Episode | None = None
    ends: Episode | None = None


def acts(later_office: Registry, later_at_s: int) -> tuple[Act, ...]:
    """Acts of the story after the first import, by time: the warning's levels, each told the evening before, and the
    account that the list learns."""
    later = (
        Act(instant(16, "18:00"), "丙县17日0时起黄色预警 yellow warning in one county", warns=YELLOW),
        Act(instant(17, "20:00"), "丙县18日0时起橙色预警 the warning rises to orange", warns=ORANGE),
        Act(later_at_s, "耐材二厂补录第二户号 a second account is registered", rows=later_office),
        Act(
            instant(19, "20:00"),
            "丙县20日0时解除预警 the warning ends",
            ends=replace(ORANGE, valid_to=WARNING_END_S),
        ),
    )
    return tuple(sorted(later, key=lambda act: act.at_s))


def first_act(office: Registry, at_s: int) -> Act:
    """The office imports what it holds and applies the season's plan."""
    return Act(at_s, "导入企业登记并执行错峰生产方案 registry imported, plan applied", rows=office)


async def perform(connection: AsyncConnection, act: Act, now: float, *, slot_s: int) -> tuple[OrderChange, ...]:
    """Do it in the caller's transaction; the orders that it makes or changes. Raises what importing and applying
    raise."""
    warnings, done = read_rulebook(WARNING_PLAN), None
    if act.rows is not None:
        # Episodes are not imported: the office of the story warns when it does.
        await apply_registry(connection, replace(act.rows, episodes=()), now, slot_s=slot_s)
        done = await apply_plan(connection, read_rulebook(SEASON_PLAN), now, slot_s=slot_s)
    elif act.warns is not None:
        done = await warn(connection, warnings, replace(act.warns, valid_to=FOREVER), now, slot_s=slot_s)
    elif act.ends is not None:
        done = await end_warning(connection, warnings, act.ends.episode_id, act.ends.valid_to, now, slot_s=slot_s)
    return () if done is None else done.plan.orders


def act_line(act: Act, orders: tuple[OrderChange, ...]) -> str:
    """An act as one line: what happened, and how many orders it made, revised and withdrew."""
    counts = Counter(change.what for change in orders)
    numbers = ", ".join(f"{counts[what]} {what}" for what in ("new", "revised", "withdrawn") if counts[what])
    return f"{act.words}; 停限产令 orders: {numbers or 'unchanged'}"
