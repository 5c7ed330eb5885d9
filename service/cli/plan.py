"""``cuofeng plan``: a city's plan as data, from its rulebook to orders in the database."""

import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.errors import InputError
from detectors.registry import Episode, Registry
from detectors.rulebook.schema import Rulebook
from service.cli import plan_audit
from service.cli.listing import Format, write_rows
from service.cli.transaction import in_transaction
from service.clock import SystemClock
from service.db.registry_errors import SHOWN
from service.db.registry_load import load_rows
from service.plans import apply
from service.plans.apply import Application
from service.plans.changes import PlanChanges, counts, plan_changes
from service.plans.rows import CHANGE_COLUMNS, DECISION_COLUMNS, change_rows, decision_rows
from service.plans.shipped import Reading, read_rulebook, shipped
from service.registry import read_registry
from service.settings import Settings

Name = Annotated[str, typer.Argument(metavar="RULEBOOK", help="A shipped one (`cuofeng plan list`), or a TOML file.")]
Form = Annotated[Format, typer.Option("--format", help="table, csv or json.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write to this file.")]
Level = Annotated[str | None, typer.Option("--level", help="Decisions of this warning level only.")]
Decisions = Annotated[
    bool, typer.Option("--decisions", help="Show what is decided of each plant and line instead of the changed orders.")
]

group = typer.Typer(no_args_is_help=True, help="A city's plan: what it orders of whom, and making it stand.")
plan_audit.register(group)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="plan")


@group.command("list")
def list_command() -> None:
    """The rulebooks that come with the software."""
    for name in shipped():
        rulebook = read_rulebook(name).rulebook
        typer.echo(f"{name}  {rulebook.document}  {rulebook.zh} / {rulebook.en}")


@group.command("show")
def show_command(name: Name, form: Form = Format.TABLE, out: Out = None) -> None:
    """The items of a rulebook: clause, trade, what is ordered."""
    rulebook = read_rulebook(name).rulebook
    columns = ("item", "clause", "kind", "reduction", "hours", "level", "industries", "zh", "en")
    write_rows(_items(rulebook), columns, form, out)


@group.command("decide")
def decide_command(
    name: Name,
    registry: Annotated[
        Path | None, typer.Option("--registry", help="A workbook or folder of CSV files instead of the database.")
    ] = None,
    form: Form = Format.TABLE,
    out: Out = None,
    level: Level = None,
) -> None:
    """What the rulebook decides for each plant and line: ordered, exempt, not covered or cannot decide, and why."""
    settings, reading = Settings(), read_rulebook(name)
    _refuse_unknown_level(reading.rulebook, level)
    rows = read_registry(registry, zone=settings.zone, slot_s=settings.slot_s) if registry else _stored(settings)
    plan = plan_changes(reading.rulebook, rows)
    write_rows(decision_rows(plan, rows, level), _decision_columns(form), form, out)
    _tell_counts(plan)


@group.command("diff")
def diff_command(name: Name, form: Form = Format.TABLE, out: Out = None, decisions: Decisions = False) -> None:
    """The orders that applying the rulebook would make, revise and withdraw. Writes nothing."""
    _run(name, apply.diff_plan, form, out, with_decisions=decisions, is_check=True)


@group.command("apply")
def apply_command(name: Name, form: Form = Format.TABLE, out: Out = None, decisions: Decisions = False) -> None:
    """Make the rulebook's orders stand. Applied twice it changes nothing; what it touches is judged again."""
    _run(name, apply.apply_plan, form, out, with_decisions=decisions)


@group.command("warn")
def warn_command(
    level: Annotated[str, typer.Argument(help="The level that is now in force, or `end`.")],
    episode: Annotated[str, typer.Option(help="Id of the episode 过程.")],
    at: Annotated[str, typer.Option(help="From when on, RFC 3339 or YYYY-MM-DD HH:MM.")],
    document: Annotated[str | None, typer.Option(help="Document that declares the level.")] = None,
    county: Annotated[str | None, typer.Option(help="One county only.")] = None,
    rulebook: Annotated[str, typer.Option(help="Rulebook of warning levels.")] = "heavy-pollution",
    form: Form = Format.TABLE,
    out: Out = None,
) -> None:
    """A warning level begins, rises, falls or ends: its orders stand from that minute on."""
    at_s = _instant(at)

    async def begin(connection: AsyncConnection, reading: Reading, now: float, *, slot_s: int) -> Application:
        if level == "end":
            return await apply.end_warning(connection, reading, episode, at_s, now, slot_s=slot_s)
        if document is None:
            raise InputError("--document: name the document that declares the level")
        segment = Episode(episode, at_s, level, document, county=county)
        return await apply.warn(connection, reading, segment, now, slot_s=slot_s)

    _run(rulebook, begin, form, out)


def _instant(given: str) -> int:
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise InputError(f"--at {given}: not a time, YYYY-MM-DD HH:MM or RFC 3339") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(Settings().zone))).timestamp())


def _run(
    name: str,
    work: Callable[..., Awaitable[Application]],
    form: Format,
    out: Path | None,
    *,
    with_decisions: bool = False,
    is_check: bool = False,
) -> None:
    settings, reading = Settings(), read_rulebook(name)

    async def run(connection: AsyncConnection) -> Application:
        return await work(connection, reading, SystemClock().now(), slot_s=settings.slot_s)

    done = in_transaction(settings, run, name="plan", is_read_only=is_check)
    changes = change_rows(done.plan.orders, settings.zone)
    decided = decision_rows(done.plan, done.registry)
    if form is Format.JSON and out is None:
        typer.echo(json.dumps(_as_json(done, changes, decided, is_check=is_check), ensure_ascii=False))
    elif with_decisions:
        write_rows(decided, _decision_columns(form), form, out)
    else:
        write_rows(changes, CHANGE_COLUMNS, form, out)
    _tell_counts(done.plan)
    _tell(done, is_check=is_check)


def _stored(settings: Settings) -> Registry:
    async def rows(connection: AsyncConnection) -> Registry:
        return (await load_rows(connection)).registry

    return in_transaction(settings, rows, name="plan", is_read_only=True)


def _refuse_unknown_level(rulebook: Rulebook, level: str | None) -> None:
    known = [row.level for row in rulebook.levels]
    if level is not None and level not in known:
        raise InputError(f"--level {level}: {rulebook.rulebook_id} has {', '.join(known) or 'no levels'}")


def _items(rulebook: Rulebook) -> list[dict[str, Any]]:
    return [
        {
            "item": item.item_id,
            "clause": item.clause,
            "kind": demand.kind.value,
            "reduction": demand.reduction,
            "hours": demand.hours,
            "level": level,
            "industries": [f"{code}({edition})" for code, edition in sorted(item.industries)],
            "zh": item.zh,
            "en": item.en,
        }
        for item in rulebook.items
        for level, demand in item.demands.items()
    ]


def _decision_columns(form: Format) -> list[str]:
    """A table has room for one language."""
    return [c for c in DECISION_COLUMNS if form is not Format.TABLE or c != "why_en"]


def _as_json(
    done: Application, changes: list[dict[str, Any]], decided: list[dict[str, Any]], *, is_check: bool
) -> dict[str, Any]:
    return {
        "check": is_check,
        "version": done.stored.version,
        "counts": {level or "season": counts(found) for level, found in done.plan.decisions.items()},
        "decisions": decided,
        "orders": changes,
        "kept": done.plan.kept,
        "taken_over": [order.order_id for order in done.plan.taken_over],
        "marks": [asdict(mark) for mark in done.stored.marks],
        "warnings": [asdict(warning) for warning in done.stored.warnings],
    }


def _tell_counts(plan: PlanChanges) -> None:
    for level, decisions in plan.decisions.items():
        told = ", ".join(f"{n} {outcome}" for outcome, n in sorted(counts(decisions).items()))
        sys.stderr.write(f"{level or 'season'}: {told or 'no plants'}\n")


def _tell(done: Application, *, is_check: bool) -> None:
    """What happened, on standard error."""
    plan, stored = done.plan, done.stored
    changed = {what: sum(c.what == what for c in plan.orders) for what in ("new", "revised", "withdrawn")}
    told = ", ".join(f"{n} {what}" for what, n in changed.items())
    sys.stderr.write(f"orders: {told}, {plan.kept} unchanged\n")
    for order in plan.taken_over:
        sys.stderr.write(f"warning: {order.order_id} is kept as the office made it (revision {order.revision})\n")
    for warning in stored.warnings[:SHOWN]:
        sys.stderr.write(f"warning: {warning}\n")
    if len(stored.warnings) > SHOWN:
        sys.stderr.write(f"warning: … and {len(stored.warnings) - SHOWN} more\n")
    slots = sum(mark.last_slot - mark.first_slot + 1 for mark in stored.marks)
    if slots:
        scopes = len({mark.scope_id for mark in stored.marks})
        sys.stderr.write(f"{slots} slots of {scopes} scopes {'would' if is_check else 'will'} be judged again\n")
    if is_check:
        sys.stderr.write("compared only: nothing was written\n")
    elif stored.is_empty:
        sys.stderr.write("nothing changed\n")
    else:
        sys.stderr.write(f"applied: registry version {stored.version}\n")
