"""``cuofeng backtest --against`` and ``--set``: a second setting, and what it would have changed."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from consumers.backtest import BacktestOptions
from consumers.backtest_against import FILE, run_against
from consumers.file_account import report_lines
from detectors.errors import InputError
from detectors.registry import Registry
from detectors.variants import with_baseline_version, with_order_revision, with_threshold
from service.clock import SystemClock
from service.whatif.document import lines

#: Changes named on the terminal; all of them are in the file.
NAMED = 40
_FORM = "SCOPE:RULE.NAME=VALUE, SCOPE:baseline=VERSION (SCOPE may be *), or ORDER_ID:revision=N"


def with_settings(registry: Registry, texts: Sequence[str]) -> Registry:
    """The registry with the settings of ``--set``, one after the other. Raises InputError that names the text."""
    for text in texts:
        registry = _with_setting(registry, text)
    return registry


def _with_setting(registry: Registry, text: str) -> Registry:
    left, is_set, value = text.rpartition("=")
    subject, has_subject, key = left.rpartition(":")
    if not (is_set and has_subject and subject and key and value):
        raise InputError(f"--set {text}: write {_FORM}")
    scope_id = None if subject == "*" else subject
    try:
        if key == "baseline":
            return with_baseline_version(registry, scope_id, value)
        if key == "revision":
            return with_order_revision(registry, subject, int(value))
        rule, _, name = key.partition(".")
        return with_threshold(registry, scope_id, rule, name, float(value))
    except ValueError as error:
        raise InputError(f"--set {text}: {value} is no number") from error
    except InputError as error:
        raise InputError(f"--set {text}: {error}") from error


def compare_settings(
    before: Registry,
    after: Registry,
    texts: Sequence[str],
    readings: Sequence[Path],
    out: Path,
    options: BacktestOptions,
    *,
    as_json: bool,
) -> None:
    """Judge by both and say what differs. Raises InputError on bad input; then nothing was written."""
    changed = with_settings(after, texts)
    told, faults = run_against(before, changed, readings, out, options, clock_now_s=SystemClock().now())
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return
    print(f"judged twice as of {told['as_of']} -> {out / FILE}")
    print("\n".join(lines(told, NAMED)))
    for line in report_lines((), Counter(faults)):
        sys.stderr.write(f"cuofeng: {line}\n")
