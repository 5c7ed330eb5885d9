"""A case: an order over some of a site's days, what the meter sent, and what is true by construction."""

from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import numpy.typing as npt

from detectors.registry import Order
from detectors.vocab import Quality
from tests.quality.natural import Nature, Span
from tests.quality.sites import SLOT_S

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

#: Slots of readings before and behind the order: the judgement looks 2 h, ``offline`` 6 h around it.
LEAD, TAIL = 96, 16
EVIDENCE = (Quality.M, Quality.R, Quality.H, Quality.E)


class CaseNotPossibleError(Exception):
    """The site has nothing of which such a case could be made; the seed is left out and counted."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that must be found in ``span``. ``what`` names it in the report; ``due_slot``: the first slot at which
    it is true, from which the time to detection counts. size: of a break, by which share the cap is passed."""

    what: str
    span: Span
    due_slot: int
    size: float | None = None

    @staticmethod
    def run(what: str, span: Span) -> "Event":
        """An event that is true from its first slot on."""
        return Event(what, span, span.first)


@dataclass(slots=True, eq=False)
class Case:
    """Arrays run over the slots from ``first_slot``. ``true_kw`` is what the plant drew; ``sent_kw`` and ``quality``
    what the meter said of it (NaN: no value); ``late_s``: how long after the slot's end it came in."""

    site: str
    kind: str
    seed: int
    zone: str
    first_slot: int
    true_kw: F64
    sent_kw: F64
    quality: npt.NDArray[np.int8]
    late_s: I64
    order: Order | None
    reference: Span  # what the baseline is fitted from; before every slot that is judged
    events: list[Event] = field(default_factory=list)
    gray: list[Span] = field(default_factory=list)  # an alert here is neither right nor wrong
    faults: list[Event] = field(default_factory=list)  # of data: what `offline` or `bad_data` must name
    #: Of a rule: spans in which what it says is true, though no order is broken: works by night, above all before.
    true_of: dict[str, list[Span]] = field(default_factory=dict)
    about: str = ""
    period_s: int = SLOT_S  # what one reading covers: a slot, or a local day

    @property
    def case_id(self) -> str:
        """As ``make quality CASE=...`` takes it."""
        return f"{self.site}:{self.kind}:{self.seed}"

    @property
    def end_slot(self) -> int:
        """First slot behind the case."""
        return self.first_slot + len(self.true_kw)

    @property
    def is_evidence(self) -> Bool:
        """Slots of which the meter sent a measured value."""
        return np.asarray(~np.isnan(self.sent_kw) & np.isin(self.quality, EVIDENCE), np.bool_)

    def columns(self, span: Span) -> slice:
        """The part of the arrays that is a span."""
        return slice(max(0, span.first - self.first_slot), max(0, span.end - self.first_slot))

    def measured(self) -> None:
        """The meter says what is true."""
        self.sent_kw = self.true_kw.copy()


def rng_of(site: str, kind: str, seed: int) -> np.random.Generator:
    """Chance of one case: the same for the same words and number, on every machine."""
    return np.random.default_rng([seed, crc32(f"{site}/{kind}".encode())])


def blank_case(nature: Nature, kind: str, seed: int, window: Span, reference: Span) -> Case:
    """The site's own load over a window and its surroundings, all of it measured, with no order yet."""
    site = nature.site
    first, end = max(site.first_slot, window.first - LEAD), min(site.end_slot, window.end + TAIL)
    load_kw = site.of(first, end)
    if reference.end > first:
        raise ValueError(f"{site.name}:{kind}:{seed}: the reference period reaches into the days that are judged")
    return Case(
        site=site.name,
        kind=kind,
        seed=seed,
        zone=site.zone,
        first_slot=first,
        true_kw=load_kw,
        sent_kw=load_kw.copy(),
        quality=np.where(np.isnan(load_kw), Quality.N, Quality.M).astype(np.int8),
        late_s=np.zeros(len(load_kw), np.int64),
        order=None,
        reference=reference,
        period_s=site.period_s,
    )
