"""What else one might run: simple detectors on the same cases, with the same baseline and the same grace.

Each says for each slot whether it would alert. None of them knows *unknown*: a missing value passes for kept, as in
systems that show 0 for a silent meter. For a stop they hold the load against a share of R (plus the approved residual
load), for a limit against (1 - reduction) x R or the same of the day's energy, for a cap against the cap, without an
order against the highest load of the reference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.registry import Baseline
from detectors.slots import seconds_of_day
from detectors.vocab import Control, Verdict
from tests.quality.case import Bool, Case
from tests.quality.judging import Outcome, Raised, judged_slots
from tests.quality.natural import SLOTS_PER_H, Nature, Span, spans_of
from tests.quality.sites import SLOT_S

F64 = npt.NDArray[np.float64]

#: Alerts so close together are one.
TOGETHER = 4
DAY = 96


@dataclass(frozen=True, slots=True)
class Rival:
    """flags: whether it would alert at each slot of a case, from the case, the baseline and the site's nature."""

    name: str
    about: str
    flags: Callable[[Case, Baseline, Nature], Bool]


def outcome_of(rival: Rival, case: Case, baseline: Baseline, nature: Nature) -> Outcome:
    """What a rival says of a case."""
    about = judged_slots(case)
    flags = rival.flags(case, baseline, nature) & about & case.is_evidence
    spans = _joined(spans_of(flags, case.first_slot))
    alerts = [Raised(rival.name, 2, span.first, span.first, span.end - 1) for span in spans]
    verdicts = np.where(about, np.where(flags, Verdict.VIOLATING, Verdict.COMPLIANT), Verdict.NO_ORDER).astype(np.uint8)
    return Outcome(case, alerts, verdicts, {})


def fixed_share(share: float) -> Rival:
    """Load over a fixed share of the baseline; for limits the day's energy, with the share as tolerance."""

    def flags(case: Case, baseline: Baseline, nature: Nature) -> Bool:
        order = case.order
        if order is not None and order.control == Control.LIMIT:
            energy = baseline.day_kwh or 24 * baseline.running_kw
            return _day_energy(case) > (1 - (order.reduction or 0)) * energy * (1 + share)
        allowed = _allowed(case, baseline, share * baseline.running_kw)
        return _over(case.sent_kw, allowed if order is None or order.control != Control.CAP else allowed * (1 + share))

    return Rival(f"share_{share:.0%}", f"over {share:.0%} of the baseline at any slot", flags)


def held_threshold(share: float, hours: float) -> Rival:
    """As a Prometheus rule with ``for``: over a share of the baseline at each slot for so long."""

    def flags(case: Case, baseline: Baseline, nature: Nature) -> Bool:
        over = _over(case.sent_kw, _allowed(case, baseline, share * baseline.running_kw))
        return _held(over, int(hours * SLOTS_PER_H))

    return Rival(f"for_{hours:g}h", f"over {share:.0%} of the baseline for {hours:g} h", flags)


def three_sigma() -> Rival:
    """Over mean + 3 sigma: under a stop of the lower class of the reference, else of the same time of its days."""

    def flags(case: Case, baseline: Baseline, nature: Nature) -> Bool:
        load_kw = _reference(nature, case.reference)
        order = case.order
        if order is not None and order.control == Control.STOP:
            low = load_kw[load_kw <= nature_split(load_kw)]
            return _over(case.sent_kw, float(low.mean() + 3 * low.std()) + (order.residual_kw or 0))
        mean, sigma = _by_time_of_day(nature, case.reference)
        share = 1 - (order.reduction or 0) if order is not None else 1.0
        at = _second_of_day(case) // SLOT_S
        return _over(case.sent_kw, share * mean[at] + 3 * sigma[at])

    return Rival("3_sigma", "over mean + 3 sigma of the reference", flags)


def isolation_forest() -> Rival:
    """scikit-learn's IsolationForest on an hour's mean, least, highest and spread; under a stop it has seen the lower
    class only, else all of the reference, scaled to what is allowed. Raises ImportError where it is not installed."""
    from sklearn.ensemble import IsolationForest

    @lru_cache(maxsize=256)
    def trained(nature: Nature, reference: Span, is_stop: bool) -> Any:
        load_kw = _reference(nature, reference)
        if is_stop:
            load_kw = load_kw[load_kw <= nature_split(load_kw)]
        windows = _windows(load_kw)[:: max(1, len(load_kw) // 4_000)]
        return IsolationForest(n_estimators=100, random_state=210).fit(windows)

    def flags(case: Case, baseline: Baseline, nature: Nature) -> Bool:
        order = case.order
        is_stop = order is not None and order.control == Control.STOP
        share = 1 - (order.reduction or 0) if order is not None else 1.0
        model = trained(nature, case.reference, is_stop)
        load_kw = np.nan_to_num(case.sent_kw) / share
        found = np.zeros(len(load_kw), np.bool_)
        found[SLOTS_PER_H - 1 :] = model.predict(_windows(load_kw)) < 0
        return found & (load_kw > float(np.median(_reference(nature, case.reference))) * (0 if is_stop else 1))

    return Rival("isolation_forest", "IsolationForest on an hour's features", flags)


def rivals() -> Sequence[Rival]:
    """All that run here: the forest only where scikit-learn is installed."""
    plain = [fixed_share(0.10), fixed_share(0.25), held_threshold(0.25, 1), three_sigma()]
    try:
        return [*plain, isolation_forest()]
    except ImportError:
        return plain


def nature_split(load_kw: F64) -> float:
    """Halfway between the 5th and the 95th percentile: the naive split into two classes."""
    low, high = np.percentile(load_kw, [5, 95])
    return float(low + high) / 2


def _allowed(case: Case, baseline: Baseline, at_stop_kw: float) -> float:
    order = case.order
    if order is None:
        return baseline.max_kw or 1.1 * baseline.running_kw
    if order.control == Control.CAP:
        return order.cap_kw or 0.0
    if order.control == Control.LIMIT:
        return (1 - (order.reduction or 0)) * baseline.running_kw
    return at_stop_kw + (order.residual_kw or 0)


def _over(load_kw: F64, threshold: float | F64) -> Bool:
    return np.asarray(np.nan_to_num(load_kw, nan=-np.inf) > threshold, np.bool_)


def _held(over: Bool, n: int) -> Bool:
    """Slots at which, and at the n - 1 before, it was over."""
    sums = np.cumsum(np.concatenate((np.zeros(n, np.int64), over.astype(np.int64))))
    return np.asarray(sums[n:] - sums[:-n] == n, np.bool_)


def _day_energy(case: Case) -> F64:
    """kWh of the local day so far, at each slot."""
    energy = np.nan_to_num(case.sent_kw) / SLOTS_PER_H
    begins = _second_of_day(case) == 0
    total = np.cumsum(energy)
    before = np.where(begins, total - energy, 0.0)
    return np.asarray(total - np.maximum.accumulate(before), np.float64)


def _second_of_day(case: Case) -> npt.NDArray[np.int64]:
    return seconds_of_day(case.zone, (case.first_slot + np.arange(len(case.sent_kw), dtype=np.int64)) * SLOT_S)


def _reference(nature: Nature, reference: Span) -> F64:
    load_kw = nature.site.of(reference.first, reference.end)
    return load_kw[~np.isnan(load_kw)]


@lru_cache(maxsize=256)
def _by_time_of_day(nature: Nature, reference: Span) -> tuple[F64, F64]:
    load_kw = nature.site.of(reference.first, reference.end)
    at = seconds_of_day(nature.site.zone, (reference.first + np.arange(reference.n, dtype=np.int64)) * SLOT_S) // SLOT_S
    parts = [load_kw[at == i] for i in range(DAY)]
    return np.array([np.nanmean(p) for p in parts]), np.array([np.nanstd(p) for p in parts])


def _windows(load_kw: F64) -> F64:
    windows = np.lib.stride_tricks.sliding_window_view(load_kw, SLOTS_PER_H)
    return np.stack([windows.mean(1), windows.min(1), windows.max(1), windows.std(1)], axis=1)


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in spans:
        if joined and span.first - joined[-1].end < TOGETHER:
            joined[-1] = Span(joined[-1].first, span.end)
        else:
            joined.append(span)
    return joined
