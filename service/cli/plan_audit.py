"""``cuofeng plan audit``: the office's list against its plan, and what is missing to judge it."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from service.cli.listing import Format, write_rows
from service.cli.transaction import in_transaction
from service.clock import SystemClock
from service.plans.audit_findings import Code, Finding
from service.plans.audit_rows import COLUMNS, finding_row
from service.plans.run_audit import Audit, audit_list
from service.plans.shipped import read_rulebook
from service.settings import Settings


def register(group: typer.Typer) -> None:
    """Add the command to the group ``plan``."""

    @group.command("audit")
    def audit_command(
        names: Annotated[
            list[str] | None,
            typer.Argument(
                metavar="[RULEBOOK]...",
                help="Shipped ones or TOML files; default: those applied, or else the shipped ones with a season.",
            ),
        ] = None,
        county: Annotated[str | None, typer.Option("--county", help="Only this county's plants.")] = None,
        codes: Annotated[
            list[Code] | None, typer.Option("--code", help="Only these findings; may be repeated.")
        ] = None,
        form: Annotated[Format, typer.Option("--format", help="table, csv or json.")] = Format.TABLE,
        out: Annotated[Path | None, typer.Option("--out", help="Write to this file.")] = None,
    ) -> None:
        """Plants that the plan covers and the list does not name, and what is missing to judge those that it names."""
        rulebooks = [read_rulebook(name).rulebook for name in names or ()]
        settings = Settings()

        async def run(connection: AsyncConnection) -> Audit:
            now_s = SystemClock().now()
            return await audit_list(connection, rulebooks or None, now_s=now_s, slot_s=settings.slot_s)

        audit = in_transaction(settings, run, name="plan-audit", is_read_only=True)
        found = [f for f in audit.findings if (county is None or f.county == county) and (not codes or f.code in codes)]
        rows: list[dict[str, Any]] = [finding_row(f, audit.zone) for f in found]
        write_rows(rows, COLUMNS, form, out)
        _tell(audit, found)


def _tell(audit: Audit, found: Sequence[Finding]) -> None:
    """With what the list was compared, and how many findings there are of each code, on standard error."""
    for rulebook_id, version, document, listed in audit.compared:
        has = "no list of it" if listed is None else f"{listed} plants on its list"
        sys.stderr.write(f"{rulebook_id} {version} {document}: {has}\n")
    counts = Counter(f.code for f in found)
    told = ", ".join(f"{counts[code]} {code.value}" for code in Code if counts[code])
    sys.stderr.write(f"found: {told or 'nothing'}\n")
