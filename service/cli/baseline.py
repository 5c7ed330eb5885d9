"""``cuofeng baseline``: from stored days of a reference period to an approved baseline in the registry."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.errors import InputError
from detectors.registry import with_default_scopes
from detectors.slots import instant
from service.baselines.documents import fit_rows, scope_baselines, summary_of
from service.baselines.fits import ScopeFit, fit_version, refusal_words
from service.baselines.proposals import Approval, approve, fit_stored, propose
from service.baselines.reference import Period, wanted_scopes
from service.cli.listing import Format, write_rows
from service.cli.transaction import in_transaction
from service.clock import SystemClock
from service.db.baseline_fits import FitState, read_fits
from service.db.registry_errors import SHOWN
from service.db.registry_load import load_rows
from service.settings import Settings

Form = Annotated[Format, typer.Option("--format", help="table, csv or json.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write to this file.")]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Scopes = Annotated[list[str] | None, typer.Option("--scope", help="This scope only; may be repeated.")]

group = typer.Typer(no_args_is_help=True, help="Baselines 基准负荷: fit them from a reference period, show, approve.")

COLUMNS = (
    "scope", "version", "state", "day_type", "from", "running_kw", "idle_kw", "max_kw", "day_kwh", "days_used",
    "days_dropped", "rrmse", "bias", "confidence", "approved_by", "why",
)  # fmt: skip


class Method(StrEnum):
    """How the days of the period become one (docs/baselines.md)."""

    MEAN = "mean"
    MEDIAN = "median"
    MID6OF10 = "mid6of10"
    CAPACITY = "capacity"
    MAX = "max"  # another name of ``capacity``

    @property
    def of_fit(self) -> str:
        """As ``detectors.baseline`` names it."""
        return "capacity" if self is Method.MAX else self.value


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="baseline")


@group.command("fit")
def fit_command(
    begin: Annotated[str, typer.Option("--from", help="First local day of the reference period, YYYY-MM-DD.")],
    end: Annotated[str, typer.Option("--to", help="The local day after its last.")],
    scope: Scopes = None,
    method: Annotated[Method, typer.Option(help="mean, median, mid6of10, or capacity (max): contracts by hand.")] = (
        Method.MEAN
    ),
    version: Annotated[str | None, typer.Option(help="Name of the version; default: fit-FROM/TO.")] = None,
    valid_from: Annotated[
        str | None, typer.Option("--valid-from", help="From when on it is to hold; default: the end of the period.")
    ] = None,
    year_before: Annotated[
        bool,
        typer.Option("--check-against-year-before", help="Compare with the same days of the year before (gaming)."),
    ] = False,
    form: Form = Format.TABLE,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Fit baselines from the stored days of a reference period and propose them: all scopes that an order asks for and
    that have none, or those named. Nothing is judged by them before `cuofeng baseline approve`."""
    settings = Settings()
    period = period_of(begin, end, "--from", "--to")
    name = version or fit_version(period)

    async def run(connection: AsyncConnection) -> list[ScopeFit]:
        stored = await load_rows(connection)  # imports go on meanwhile: a proposal changes no registry
        zone = stored.registry.zone
        since = instant(zone, period.end, 0)
        holds = since if valid_from is None else _instant(valid_from, zone)
        if holds < since:
            raise InputError(
                f"--valid-from {valid_from}: lies before the end of the reference period {period.end}; nobody is judged"
                f" by the days that a baseline is made of / 生效时间不得早于参考期结束"
            )
        scope_ids = sorted(set(scope)) if scope else wanted_scopes(stored.registry, holds)
        known = {s.scope_id for s in with_default_scopes(stored.registry).scopes}
        for scope_id in scope_ids:
            if scope_id not in known or scope_id not in stored.scope_no:
                raise InputError(f"--scope {scope_id}: no such scope / 没有该监测范围")
        if not scope_ids:
            raise InputError(
                "no scope that an order asks for is without a baseline: name one with --scope / 没有缺基准的受控范围"
            )
        fits = await fit_stored(
            connection,
            stored,
            scope_ids,
            period,
            slot_s=settings.slot_s,
            method=method.of_fit,
            version=name,
            valid_from=holds,
            with_year_before=year_before,
        )
        await propose(connection, fits, stored.registry, SystemClock().now())
        return fits

    fits = in_transaction(settings, run, name="baseline")
    write_rows([row for f in fits for row in fit_rows(f)], COLUMNS, _form(form, as_json), out)
    made = [f for f in fits if f.rows]
    sys.stderr.write(f"{name}: {len(made)} proposed, {len(fits) - len(made)} could not be fitted\n")
    for fit in fits:
        if fit.fit.refusal is not None:
            zh, en = refusal_words(fit.fit.refusal)
            sys.stderr.write(f"warning: {fit.scope_id}: {en} / {zh}\n")
        elif fit.fit.run_up is not None and fit.fit.run_up.is_suspicious:
            sys.stderr.write(f"warning: {fit.scope_id}: {fit.fit.run_up.en} / {fit.fit.run_up.zh}\n")
    if made:
        sys.stderr.write(
            f"look at them, try them out ({_trial('*', name)}), then: cuofeng baseline approve {name} --by NAME\n"
        )


@group.command("show")
def show_command(
    scope: Annotated[str | None, typer.Argument(help="One scope, with days and reasons; default: all.")] = None,
    version: Annotated[str | None, typer.Option(help="This version only.")] = None,
    form: Form = Format.TABLE,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Baselines that stand and fits that wait: numbers, quality, approver; of one scope also days and explanation."""
    settings = Settings()

    async def run(connection: AsyncConnection) -> list[dict[str, Any]]:
        stored = await load_rows(connection)
        if scope is not None and scope not in stored.scope_no:
            raise InputError(f"{scope}: no such scope / 没有该监测范围")
        fits = await read_fits(connection, scope_ids=None if scope is None else [scope], version=version)
        rows = [b for b in stored.registry.baselines if scope in (None, b.scope_id) and version in (None, b.version)]
        return scope_baselines(rows, fits, stored.registry.zone)

    found = in_transaction(settings, run, name="baseline", is_read_only=True)
    chosen = _form(form, as_json)
    if chosen is Format.JSON:
        write_rows(found, (), chosen, out)
        return
    write_rows([row for document in found for row in summary_of(document)], COLUMNS, chosen, out)
    if scope is not None and chosen is Format.TABLE and out is None:
        for document in found:
            _explain(document)


@group.command("approve")
def approve_command(
    version: Annotated[str, typer.Argument(help="The version to approve.")],
    by: Annotated[str, typer.Option("--by", help="Who approves, by name and office.")],
    scope: Scopes = None,
    document: Annotated[str | None, typer.Option(help="Document of the approval.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Result as one JSON object.")] = False,
) -> None:
    """Put proposed baselines into the registry. From their validity on, and no earlier, slots are judged again; an
    earlier baseline of the scope ends there. What was approved never changes."""
    settings = Settings()
    if not by.strip():
        raise InputError("--by: name who approves / 请填写批准人")

    async def run(connection: AsyncConnection) -> Approval:
        return await approve(
            connection,
            version,
            sorted(set(scope)) if scope else None,
            by=by.strip(),
            document=document,
            now=SystemClock().now(),
            slot_s=settings.slot_s,
        )

    done = in_transaction(settings, run, name="baseline")
    if as_json:
        print(json.dumps(_approval(done), ensure_ascii=False))
    else:
        print(f"approved {version}: {', '.join(f.scope_id for f in done.approved)}")
        slots = sum(mark.last_slot - mark.first_slot + 1 for mark in done.changes.marks)
        if slots:
            print(f"{slots} slots of {len({m.scope_id for m in done.changes.marks})} scopes will be judged again")
        print(f"registry version {done.changes.version}")
    for row in done.closed:
        sys.stderr.write(f"{row.scope_id}: baseline {row.version} now ends where {version} begins\n")
    for fit in done.skipped:
        sys.stderr.write(f"warning: {fit.scope_id}: left out, the data carry no baseline / 数据不足，未批准\n")
    for low in (f for f in done.approved if f.confidence == "low"):
        sys.stderr.write(f"warning: {low.scope_id}: of low confidence, and its verdicts say so / 可信度低\n")
    for warning in done.changes.warnings[:SHOWN]:
        sys.stderr.write(f"warning: {warning}\n")
    if len(done.changes.warnings) > SHOWN:
        sys.stderr.write(f"warning: … and {len(done.changes.warnings) - SHOWN} more\n")


def period_of(begin: str, end: str, begin_option: str, end_option: str) -> Period:
    """The period between two local days; InputError names the option."""
    days = []
    for option, given in ((begin_option, begin), (end_option, end)):
        try:
            days.append(date.fromisoformat(given))
        except ValueError as error:
            raise InputError(f"{option} {given}: not a date, YYYY-MM-DD") from error
    return Period(days[0], days[1])


def _instant(given: str, zone: str) -> int:
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise InputError(f"--valid-from {given}: not a time, YYYY-MM-DD HH:MM or RFC 3339") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).timestamp())


def _form(form: Format, as_json: bool) -> Format:
    return Format.JSON if as_json else form


def _trial(scope_id: str, version: str) -> str:
    """The command that tells what a proposed version would have changed."""
    return f"cuofeng backtest --registry DIR --readings FILE --out DIR --set '{scope_id}:proposed={version}'"


def _explain(document: dict[str, Any]) -> None:
    fit = document["fit"]
    if fit is None:
        return
    typer.echo("")
    typer.echo(f"{document['scope_id']} {document['version']}")
    typer.echo(f"  {fit['explanation']['zh']}")
    typer.echo(f"  {fit['explanation']['en']}")
    typer.echo(f"  days used 采用 ({len(fit['days_used'])}): {', '.join(fit['days_used'])}")
    by_reason: dict[tuple[str, str], list[str]] = {}
    for dropped in fit["days_dropped"]:
        by_reason.setdefault((dropped["en"], dropped["zh"]), []).append(dropped["date"])
    for (en, zh), days in by_reason.items():
        typer.echo(f"  left out 剔除, {en} {zh} ({len(days)}): {', '.join(days)}")
    typer.echo(f"  data 数据 sha256:{fit['data_hash']}")
    if document["state"] == FitState.PROPOSED:
        typer.echo(f"  try it out 试算: {_trial(document['scope_id'], document['version'])}")
        typer.echo(f"  approve 批准: cuofeng baseline approve {document['version']} --by NAME")


def _approval(done: Approval) -> dict[str, Any]:
    def names(found: Sequence[Any]) -> list[dict[str, str]]:
        return [{"scope": row.scope_id, "version": row.version} for row in found]

    return {
        "version": done.changes.version,
        "approved": names(done.approved),
        "skipped": names(done.skipped),
        "closed": names(done.closed),
        "marks": [asdict(mark) for mark in done.changes.marks],
        "warnings": [asdict(warning) for warning in done.changes.warnings],
    }
