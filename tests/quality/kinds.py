"""The kinds of case, what is due in each, and which site can have it."""

from collections.abc import Callable
from dataclasses import dataclass

from detectors.vocab import Rule
from tests.quality import faulty, gaps, limits, stops
from tests.quality.case import Case, CaseNotPossibleError
from tests.quality.natural import Nature
from tests.quality.sites import SLOT_S

#: Seeds below are for development; only the others are evaluated.
FIRST_EVALUATION_SEED = 1000


@dataclass(frozen=True, slots=True)
class CaseKind:
    """made: from a site and a seed. daily: sites whose meter tells of days only can have it too. only: of that site."""

    name: str
    made: Callable[[Nature, int], Case]
    daily: bool = False
    only: str | None = None


CASE_KINDS: tuple[CaseKind, ...] = (
    CaseKind("stop_kept", stops.stop_kept),
    CaseKind("night_run", stops.night_run),
    CaseKind("night_ragged", stops.night_ragged),
    CaseKind("day_run", stops.day_run),
    CaseKind("early_restart", stops.early_restart),
    CaseKind("residual", stops.residual),
    CaseKind("duty_cycle", stops.duty_cycle),
    CaseKind("silent_stop", gaps.silent_stop),
    CaseKind("late", gaps.late),
    CaseKind("limit_kept", limits.limit_kept, daily=True),
    CaseKind("limit_broken", limits.limit_broken, daily=True),
    CaseKind("silent_limit", gaps.silent_limit, daily=True),
    CaseKind("cap_kept", limits.cap_kept),
    CaseKind("cap_broken", limits.cap_broken),
    CaseKind("no_order", faulty.no_order),
    CaseKind("over_capacity", faulty.over_capacity),
    CaseKind("made_fault", faulty.made_fault),
    CaseKind("known_fault", faulty.known_fault, only="campus"),
)

#: Rules that accuse a plant; the others tell of data or warn beforehand.
ACCUSING = (
    Rule.STOP_RUN,
    Rule.STOP_DAY,
    Rule.HOURS_OVER,
    Rule.LIMIT_SLOT,
    Rule.LIMIT_DAY,
    Rule.CAP_ABS,
    Rule.NIGHT_RUN,
    Rule.STEP_UP,
    Rule.OVER_CAPACITY,
    Rule.LIMIT_PACE,
)
#: Rules that tell of data.
DATA_RULES = (Rule.OFFLINE, Rule.BAD_DATA)
#: Which rules are asked for an event: recall of a rule is counted over the events that it is due in.
DUE: dict[str, tuple[Rule, ...]] = {
    "night_run": (Rule.STOP_RUN, Rule.NIGHT_RUN),
    "night_ragged": (Rule.STOP_RUN, Rule.NIGHT_RUN),
    "residual": (Rule.STOP_RUN, Rule.NIGHT_RUN),
    "day_run": (Rule.STOP_RUN,),
    "restart": (Rule.STOP_RUN,),
    "duty_cycle": (Rule.HOURS_OVER, Rule.STOP_DAY),
    "limit_broken": (Rule.LIMIT_DAY,),
    "cap_broken": (Rule.CAP_ABS,),
    "over_capacity": (Rule.OVER_CAPACITY,),
    "silent": (Rule.OFFLINE,),
    "level": (Rule.BAD_DATA,),
    "zeros": (Rule.BAD_DATA, Rule.OFFLINE),
    "stuck": (Rule.BAD_DATA,),
    "spike": (Rule.BAD_DATA,),
    "dropout": (Rule.BAD_DATA,),
}


@dataclass(frozen=True, slots=True)
class NotMade:
    """A seed of which no case could be made, and why."""

    case_id: str
    why: str


def case_of(nature: Nature, kind: CaseKind, seed: int) -> Case | NotMade | None:
    """The case of a site, kind and seed; None where such a site has none of that kind."""
    site = nature.site
    if kind.only not in (None, site.name) or (site.period_s != SLOT_S and not kind.daily):
        return None
    try:
        return kind.made(nature, seed)
    except CaseNotPossibleError as error:
        return NotMade(f"{site.name}:{kind.name}:{seed}", str(error))


def kind_named(name: str) -> CaseKind:
    """Raises ValueError for an unknown name."""
    for kind in CASE_KINDS:
        if kind.name == name:
            return kind
    raise ValueError(f"no kind of case is named {name!r}: {', '.join(k.name for k in CASE_KINDS)}")
