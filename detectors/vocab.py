"""The closed vocabularies of the judgement: every code that a table, a file or the feed may show.

Integers are what arrays hold; names are what people and files see. The order of ``Verdict`` is the merge order
of SEMANTICS §4.21, the order of ``Quality`` that of SEMANTICS §2.6.
"""

from enum import IntEnum, IntFlag, StrEnum


class Quality(IntEnum):
    """What a value is worth (FEED §1). Lower wins among equals."""

    M = 0  # measured
    R = 1  # re-collected 补采
    H = 2  # read by hand
    E = 3  # corrected by the utility
    S = 4  # substituted, estimated: no evidence
    Q = 5  # suspect: no evidence
    N = 6  # no value: no evidence


#: Class of a quality in the winner rule: 0 = evidence {M,R,H,E}, 1 = {S,Q}, 2 = N. Indexed by ``Quality``.
QUALITY_CLASS = (0, 0, 0, 0, 1, 1, 2)


class Kind(IntEnum):
    """Quantity of a reading. The first four are in the order of preference of SEMANTICS §2.7."""

    ENERGY_INT = 0  # kWh in (ts - period, ts]
    POWER_AVG = 1  # kW, mean over (ts - period, ts]
    ENERGY_REG = 2  # kWh register at ts
    POWER_INST = 3  # kW at ts
    VOLTAGE = 4  # V at ts: proves a zero
    CURRENT = 5  # A at ts
    ENERGY_REG_REV = 6  # kWh, reverse register at ts
    DEMAND_MAX = 7  # kW


class Scale(IntEnum):
    """Primary values are true; secondary ones are multiplied by the 综合倍率 at the reading's time."""

    PRIMARY = 0
    SECONDARY = 1


class Role(StrEnum):
    """Use of a meter (CONTRACTS §1)."""

    SUPPLY = "supply"
    LINE = "line"
    PRODUCTION = "production"
    TREATMENT = "treatment"
    GENERATION = "generation"
    REVERSE = "reverse"
    CHECK = "check"


class Control(StrEnum):
    """Kind of order (CONTRACTS §1)."""

    STOP = "stop"
    LIMIT = "limit"
    CAP = "cap"
    UNITS = "units"
    COKING = "coking"


class Measure(StrEnum):
    """What an order limits."""

    POWER = "power"
    ENERGY = "energy"


class Verdict(IntEnum):
    """Verdict of a slot or a day; the first that holds, in this order (SEMANTICS §4.21)."""

    NO_ORDER = 0
    EXEMPT = 1
    OUTAGE = 2
    GRACE = 3
    VIOLATING = 4
    UNKNOWN = 5
    COMPLIANT = 6


class Reason(IntFlag):
    """Why a slot or a day has its verdict. Files list the names in this order, `;` separated."""

    PARTIAL_SLOT = 1 << 0  # the order's window covers the slot only in part
    WITHIN_TOLERANCE = 1 << 1  # between cap and cap x (1 + tolerance)
    MISSING = 1 << 2  # a meter has no evidence and its time is over
    AWAITED = 1 << 3  # a meter has no evidence yet, and its source may still deliver
    INCOMPLETE = 1 << 4  # part of the meters speak: the sum is a lower bound
    NO_METER = 1 << 5  # no meter is valid at the slot
    ZERO_UNPROVEN = 1 << 6  # all meters read 0 and nothing shows that they are alive
    OUTAGE = 1 << 7  # power was out, measured or declared
    RESOLUTION = 1 << 8  # the register is too coarse for this threshold
    IDLE_UNKNOWN = 1 << 9  # between 15 % and 50 % of R, and the idle level is not known
    NO_BASELINE = 1 << 10  # nothing to derive the cap from
    NO_DAY_ENERGY = 1 << 11  # an energy limit without day_kwh or profile
    UNDECIDABLE = 1 << 12  # electricity cannot decide: coking time without a count of pushes, lines of unknown load
    DAY_CAP_USED = 1 << 13  # the day's energy cap is broken and the plant still runs
    OVER_CAPACITY = 1 << 14  # a value above 1.5 x contract capacity was set aside
    NOT_EVIDENCE = 1 << 15  # a value is there, but substituted, suspect or empty
    NO_MULTIPLIER = 1 << 16  # a secondary value without a multiplier at its time
    ESTIMATED = 1 << 17  # the load of all lines fits with as many running as allowed, and with more
    UNITS_UNKNOWN = 1 << 18  # the meters of the lines leave open whether more run than allowed
    SUSPECT_LEVEL = 1 << 19  # the load keeps its shape at a fraction of its level: a meter, not a plant
    SUSPECT_STUCK = 1 << 20  # the same value for longer than this scope ever showed
    SUSPECT_SPIKE = 1 << 21  # a few values far above anything this scope ever drew
    SUSPECT_DROPOUT = 1 << 22  # a short fall below anything believed of this scope, and back
    LOW_CONFIDENCE = 1 << 23  # the baseline behind the cap fits its own left-out days badly


#: The load was measured, and is not believed (``detectors.data_faults``).
SUSPECT = Reason.SUSPECT_LEVEL | Reason.SUSPECT_STUCK | Reason.SUSPECT_SPIKE | Reason.SUSPECT_DROPOUT


class Rule(StrEnum):
    """Every rule (DOMAIN §5), in the order in which alerts of one scope and time are merged: the first one leads."""

    STOP_RUN = "stop_run"
    STOP_DAY = "stop_day"
    HOURS_OVER = "hours_over"
    LIMIT_SLOT = "limit_slot"
    LIMIT_DAY = "limit_day"
    LIMIT_PACE = "limit_pace"
    CAP_ABS = "cap_abs"
    UNITS_OVER = "units_over"
    NIGHT_RUN = "night_run"
    STEP_UP = "step_up"
    OVER_CAPACITY = "over_capacity"
    SHIFT = "shift"
    OFFLINE = "offline"
    BAD_DATA = "bad_data"
    OUTAGE = "outage"
    TREATMENT_OFF = "treatment_off"
    FEED_DOWN = "feed_down"


class Condition(StrEnum):
    """Event-time axis of an alert (DOMAIN §6)."""

    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"
    CLOSED = "closed"
    RETRACTED = "retracted"


class Evidence(StrEnum):
    """Evidence axis of an alert (DOMAIN §6)."""

    PROVISIONAL = "provisional"
    FINAL = "final"
    REVISED = "revised"
    RETRACTED = "retracted"


class CloseReason(StrEnum):
    """Why an alert closed."""

    BELOW_CAP = "below_cap"  # 30 min at or under 0.95 x cap
    COMPLIANT = "compliant"  # m of adjacent compliant slots
    ORDER_END = "order_end"
    WINDOW_END = "window_end"
    EXEMPTION = "exemption"
    DAY_END = "day_end"
    COVERAGE = "coverage"  # every meter speaks again
    CLEARED = "cleared"  # the data fault is over
    NIGHT_END = "night_end"
    STEPPED_DOWN = "stepped_down"  # 30 min near the load before the jump
    ORDER_BEGIN = "order_begin"


def code(member: IntEnum | IntFlag) -> str:
    """Name of a code as files and the feed show it: ``Verdict.NO_ORDER`` -> ``no_order``."""
    return (member.name or "").lower()


def reason_codes(bits: int) -> list[str]:
    """Names of the reason bits, in the order of ``Reason``."""
    return [code(r) for r in Reason if bits & r]
