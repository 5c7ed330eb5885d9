"""``cuofeng backtest``."""

import json
import sys
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from consumers.backtest import BacktestOptions, BacktestReport, run_backtest
from consumers.backtest_baselines import BaselineOptions
from consumers.backtest_baselines import report_lines as baseline_lines
from consumers.backtest_rows import instant_text
from consumers.file_account import report_lines
from detectors.errors import InputError
from service.cli.against import compare_settings, stored_proposals
from service.cli.baseline import Method, period_of
from service.clock import SystemClock
from service.db.registry_errors import SHOWN
from service.registry.read import read_registry
from service.settings import Settings


def instant_of(text: str | None, zone: str, option: str) -> int | None:
    """Epoch seconds of an RFC 3339 time, or of a local one in the registry's zone; InputError names the option."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{option} {text!r}: not a time, write 2017-11-16T00:00:00+08:00") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return int(moment.timestamp())


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("backtest")
    def backtest(
        registry: Annotated[Path, typer.Option(help="Workbook or folder of CSVs (CONTRACTS §1).")],
        readings: Annotated[list[Path], typer.Option(help="Readings: CSV, NDJSON or Parquet; may be repeated.")],
        out: Annotated[Path, typer.Option(help="Folder for slots, days and alerts.")],
        more: Annotated[list[Path] | None, typer.Argument(help="More readings files.")] = None,
        as_of: Annotated[str | None, typer.Option(help="Judge as the clock stood then; hides later coll.")] = None,
        begin: Annotated[str | None, typer.Option("--from", help="Write nothing before.")] = None,
        end: Annotated[str | None, typer.Option("--to", help="Write nothing from here on.")] = None,
        slots: Annotated[bool, typer.Option("--slots/--no-slots", help="Write a row a slot.")] = True,
        evidence: Annotated[
            bool, typer.Option("--evidence", help="Draw each alert: evidence/RULE-ALERT_ID.zh.svg and .en.svg.")
        ] = False,
        against: Annotated[
            Path | None, typer.Option(help="A second registry: write only what it would have changed, against.csv.")
        ] = None,
        settings_: Annotated[
            list[str] | None,
            typer.Option(
                "--set",
                help="Compare with this setting: SCOPE:RULE.NAME=VALUE, SCOPE:baseline=VERSION, "
                "SCOPE:proposed=VERSION (a fit that waits in the database; SCOPE may be *) or ORDER_ID:revision=N; "
                "may be repeated; with --against, on top of that registry.",
            ),
        ] = None,
        baseline_from: Annotated[
            str | None,
            typer.Option(
                "--baseline-from",
                help="First local day of a reference period: scopes without a baseline, ordered or compared with one "
                "that is, get one fitted from it, valid from --baseline-to on. Days under an order are left out.",
            ),
        ] = None,
        baseline_to: Annotated[str | None, typer.Option("--baseline-to", help="The local day after its last.")] = None,
        baseline_method: Annotated[
            Method, typer.Option("--baseline-method", help="mean, median, mid6of10, or capacity (max).")
        ] = Method.MEAN,
        form: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
        as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
    ) -> None:
        """Judge files with the code that judges the stream: no Kafka, no database."""
        settings = Settings()
        zone = settings.zone
        if form not in ("csv", "parquet"):
            raise InputError(f"--format {form}: csv or parquet")
        options = BacktestOptions(
            as_of=instant_of(as_of, zone, "--as-of"),
            begin=instant_of(begin, zone, "--from"),
            end=instant_of(end, zone, "--to"),
            with_slots=slots,
            with_pictures=evidence,
            format=form,
            slot_s=settings.slot_s,
            baselines=_baselines(baseline_from, baseline_to, baseline_method),
        )
        parsed = read_registry(registry, zone=zone, slot_s=settings.slot_s)
        if against is not None or settings_:
            if options.baselines is not None:
                raise InputError("--baseline-from: fit first, then compare with the registry of its baselines.csv")
            other = parsed if against is None else read_registry(against, zone=zone, slot_s=settings.slot_s)
            files = [*readings, *(more or [])]
            proposals = stored_proposals(settings)
            compare_settings(parsed, other, settings_ or [], proposals, files, out, options, as_json=as_json)
            return
        report = run_backtest(parsed, [*readings, *(more or [])], out, options, clock_now_s=SystemClock().now())
        _say(report, zone, out, as_json=as_json, with_baselines=options.baselines is not None)


def _baselines(begin: str | None, end: str | None, method: Method) -> BaselineOptions | None:
    if begin is None and end is None:
        return None
    if begin is None or end is None:
        missing = "--baseline-from" if begin is None else "--baseline-to"
        raise InputError(f"{missing} is missing: a reference period has two ends")
    return BaselineOptions(period_of(begin, end, "--baseline-from", "--baseline-to"), method.of_fit)


def _say(report: BacktestReport, zone: str, out: Path, *, as_json: bool, with_baselines: bool) -> None:
    if as_json:
        print(json.dumps(asdict(report), ensure_ascii=False, default=str))
        return
    print(
        f"judged as of {instant_text(zone, report.as_of)}: {report.rows} rows, {report.accepted} accepted "
        f"({report.lost} duplicate or superseded), {report.days} days, {report.alerts} alerts -> {out}"
    )
    for line in baseline_lines(report.baselines, SHOWN) if with_baselines else ():
        print(line)
    for line in report_lines(report.examples, Counter(report.faults)):
        sys.stderr.write(f"cuofeng: {line}\n")
