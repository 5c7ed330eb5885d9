"""``cuofeng backtest --against`` and ``--set``: a second setting, and what it would have changed.

A setting may name a proposed baseline, ``SCOPE:proposed=VERSION``: it waits in the database for its approval.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from consumers.backtest import BacktestOptions
from consumers.backtest_against import FILE, run_against
from consumers.file_account import report_lines
from detectors.errors import InputError
from detectors.registry import Baseline, Registry, with_default_scopes
from detectors.variants import with_baseline_version, with_baselines, with_order_revision, with_threshold
from service.baselines.proposals import proposed_rows
from service.cli.transaction import in_transaction
from service.clock import SystemClock
from service.settings import Settings
from service.whatif.document import lines

#: Looks up the rows of a proposed version, of the scopes named (None: all that have it).
Proposals = Callable[[str, Sequence[str] | None], Sequence[Baseline]]

#: Changes named on the terminal; all of them are in the file.
NAMED = 40
_FORM = "SCOPE:RULE.NAME=VALUE, SCOPE:baseline=VERSION, SCOPE:proposed=VERSION (SCOPE may be *), or ORDER_ID:revision=N"


def stored_proposals(settings: Settings) -> Proposals:
    """Proposed baselines of the database, which is asked only when a setting names one."""

    def look_up(version: str, scope_ids: Sequence[str] | None) -> Sequence[Baseline]:
        async def read(connection: AsyncConnection) -> list[Baseline]:
            return await proposed_rows(connection, version, scope_ids)

        return in_transaction(settings, read, name="backtest", is_read_only=True)

    return look_up


def with_settings(registry: Registry, texts: Sequence[str], proposals: Proposals) -> Registry:
    """The registry with the settings of ``--set``, one after the other. Raises InputError that names the text."""
    for text in texts:
        registry = _with_setting(registry, text, proposals)
    return registry


def _with_setting(registry: Registry, text: str, proposals: Proposals) -> Registry:
    left, is_set, value = text.rpartition("=")
    subject, has_subject, key = left.rpartition(":")
    if not (is_set and has_subject and subject and key and value):
        raise InputError(f"--set {text}: write {_FORM}")
    scope_id = None if subject == "*" else subject
    try:
        if key == "baseline":
            return with_baseline_version(registry, scope_id, value)
        if key == "proposed":
            return _with_proposed(registry, scope_id, value, proposals)
        if key == "revision":
            return with_order_revision(registry, subject, int(value))
        rule, _, name = key.partition(".")
        return with_threshold(registry, scope_id, rule, name, float(value))
    except ValueError as error:
        raise InputError(f"--set {text}: {value} is no number") from error
    except InputError as error:
        raise InputError(f"--set {text}: {error}") from error


def _with_proposed(registry: Registry, scope_id: str | None, version: str, proposals: Proposals) -> Registry:
    """A proposed version in place of all baselines of its scopes, those that the registry has."""
    rows = proposals(version, None if scope_id is None else [scope_id])
    if scope_id is None:
        known = {s.scope_id for s in with_default_scopes(registry).scopes}
        rows = [row for row in rows if row.scope_id in known]
        if not rows:
            raise InputError(f"no proposed baseline of version {version} is of a scope of this registry")
    return with_baselines(registry, rows)


def compare_settings(
    before: Registry,
    after: Registry,
    texts: Sequence[str],
    proposals: Proposals,
    readings: Sequence[Path],
    out: Path,
    options: BacktestOptions,
    *,
    as_json: bool,
) -> None:
    """Judge by both and say what differs. Raises InputError on bad input; then nothing was written."""
    changed = with_settings(after, texts, proposals)
    told, faults = run_against(before, changed, readings, out, options, clock_now_s=SystemClock().now())
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return
    print(f"judged twice as of {told['as_of']} -> {out / FILE}")
    print("\n".join(lines(told, NAMED)))
    for line in report_lines((), Counter(faults)):
        sys.stderr.write(f"cuofeng: {line}\n")
