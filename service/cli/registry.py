"""``cuofeng import``: the office's lists, orders and meters from XLSX or CSV."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.errors import InputError
from detectors.registry import Registry
from service.cli.transaction import in_transaction
from service.clock import SystemClock
from service.db.registry import ChangeSet, apply_registry, plan_registry, take_turn
from service.db.registry_errors import SHOWN, Problem, RegistryErrors
from service.db.registry_load import load_plants_and_lines
from service.db.registry_tables import BY_NAME
from service.plans.stale import stale_plans
from service.registry import Opened, Parsed, open_registry, settle
from service.registry.tables import TABLES
from service.registry.template import write_template
from service.settings import Settings

#: Rows of one table named on the terminal.
NAMED = 10


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("import")
    def import_command(
        path: Annotated[
            Path | None,
            typer.Argument(help="One XLSX workbook, one CSV file, or a folder of CSV files (docs/registry.md)."),
        ] = None,
        check: Annotated[bool, typer.Option("--check", help="Show what would change; write nothing.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Result as one JSON object.")] = False,
        zone: Annotated[str | None, typer.Option(help="Zone of times without offset; default: CUOFENG_ZONE.")] = None,
        document: Annotated[
            str | None,
            typer.Option(help="Document number of the plan, for lists and plans of plants that do not say it."),
        ] = None,
        template: Annotated[
            Path | None, typer.Option(help="Write empty tables to this .xlsx, or to this folder as CSV, and end.")
        ] = None,
    ) -> None:
        """Import the registry: plants, meters, orders, baselines, exemptions … All of it or nothing."""
        if template is not None:
            write_template(template)
            sys.stderr.write(f"{template}\n")
            return
        if path is None:
            raise InputError("name a workbook, a CSV file or a folder of them, or use --template PATH")
        settings = Settings() if zone is None else Settings(zone=zone)
        opened = open_registry(path, zone=settings.zone, slot_s=settings.slot_s, document=document)
        try:
            parsed, changes, stale = _run(settings, opened, is_check=check)
        except RegistryErrors as errors:
            if as_json:
                print(json.dumps({"errors": [asdict(p) for p in errors.problems]}, ensure_ascii=False))
            raise
        warnings = (*parsed.warnings, *changes.warnings, *stale)
        if as_json:
            print(json.dumps(_as_json(changes, warnings, is_check=check), ensure_ascii=False))
        else:
            _print(changes, is_check=check)
            _print_warnings(warnings)


def _run(settings: Settings, opened: Opened, *, is_check: bool) -> tuple[Parsed, ChangeSet, list[Problem]]:
    work = plan_registry if is_check else apply_registry

    async def run(connection: AsyncConnection) -> tuple[Parsed, ChangeSet, list[Problem]]:
        if not is_check:
            await take_turn(connection)
        known = await load_plants_and_lines(connection) if opened.names_plants else Registry()
        parsed = settle(opened, known)
        changes = await work(
            connection,
            parsed.registry,
            SystemClock().now(),
            slot_s=settings.slot_s,
            origins=parsed.origins,
            errors=parsed.errors,
        )
        # A list that was corrected orders nothing by itself.
        return parsed, changes, [] if is_check else await stale_plans(connection)

    return in_transaction(settings, run, name="import", is_read_only=is_check)


def _key(table: str, row: Any) -> str:
    return " ".join(str(part) for part in BY_NAME[table].key_of(row) if part is not None)


def _changed_columns(before: Any, after: Any) -> list[str]:
    return [column for column in type(after).__slots__ if getattr(before, column) != getattr(after, column)]


def _as_json(changes: ChangeSet, warnings: Sequence[Problem], *, is_check: bool) -> dict[str, Any]:
    return {
        "check": is_check,
        "version": changes.version,
        "tables": {
            name: {
                "added": [_key(name, row) for row in table.added],
                "changed": [
                    {"row": _key(name, new), "columns": _changed_columns(old, new)} for old, new in table.changed
                ],
                "unchanged": table.unchanged,
            }
            for name, table in changes.tables.items()
        },
        "marks": [asdict(mark) for mark in changes.marks],
        "warnings": [asdict(warning) for warning in warnings],
    }


def _print(changes: ChangeSet, *, is_check: bool) -> None:
    labels = {table.name: f"{table.name} {table.zh}" for table in TABLES}
    for name, table in changes.tables.items():
        if not (table.added or table.changed or table.unchanged):
            continue
        print(f"{labels[name]}: {len(table.added)} added, {len(table.changed)} changed, {table.unchanged} unchanged")
        for row in table.added[:NAMED]:
            print(f"  + {_key(name, row)}")
        for old, new in table.changed[:NAMED]:
            print(f"  ~ {_key(name, new)}: {', '.join(_changed_columns(old, new))}")
        hidden = max(0, len(table.added) - NAMED) + max(0, len(table.changed) - NAMED)
        if hidden:
            print(f"  … and {hidden} more")
    scopes = len({mark.scope_id for mark in changes.marks})
    slots = sum(mark.last_slot - mark.first_slot + 1 for mark in changes.marks)
    verb = "would be" if is_check else "will be"
    if slots:
        print(f"{slots} slots of {scopes} scopes {verb} judged again")
    if changes.is_empty:
        print("nothing to change" if is_check else "nothing changed")
    elif is_check:
        print("checked only: nothing was written")
    else:
        print(f"imported: registry version {changes.version}")


def _print_warnings(warnings: Sequence[Problem]) -> None:
    for warning in warnings[:SHOWN]:
        sys.stderr.write(f"warning: {warning}\n")
    if len(warnings) > SHOWN:
        sys.stderr.write(f"warning: … and {len(warnings) - SHOWN} more\n")
