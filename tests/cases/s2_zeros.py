"""SEMANTICS §2.11: what a zero proves, and outages."""

from detectors.registry import Meter, Outage
from detectors.vocab import Reason, Role, Rule, Verdict
from tests.cases.expect import Alert, Count, Expectation, Slot, case
from tests.cases.worlds import at, baseline, flat, reading, registry, stop, world, zeros_with_voltage
from tests.oracles.rows import World

END = at("0:15")
TWO = [Meter("m", "P"), Meter("n", "P")]


@case(11)
def zero_beside_a_running_meter() -> tuple[World, list[Expectation]]:
    return world(registry(stop(), meters=TWO), [reading(END, 0), reading(END, 30, "n")], END), [
        Slot(END, Verdict.COMPLIANT, load=30.0, coverage=1.0)
    ]


@case(11)
def zero_of_a_generation_meter() -> tuple[World, list[Expectation]]:
    # photovoltaics at night beside a supply that runs
    of = registry(stop(), meters=[Meter("m", "P"), Meter("g", "P", role=Role.GENERATION)])
    return world(of, [reading(END, 30), reading(END, 0, "g")], END), [
        Slot(END, Verdict.COMPLIANT, load=30.0, coverage=1.0)
    ]


@case(11)
def zero_with_voltage() -> tuple[World, list[Expectation]]:
    return world(registry(stop()), zeros_with_voltage(at("0:00"), END, 220), END), [
        Slot(END, Verdict.COMPLIANT, load=0.0, coverage=1.0)
    ]


@case(11)
def zero_without_voltage_is_an_outage() -> tuple[World, list[Expectation]]:
    # the outage ends with the slot ending 00:45, where voltage is back; no stop or offline alert, one of information
    readings = zeros_with_voltage(at("0:00"), at("0:30"), 0) + zeros_with_voltage(at("0:30"), at("3:00"), 220)
    return world(registry(stop()), readings, at("3:00")), [
        Slot(END, Verdict.OUTAGE, load=0.0, coverage=1.0, has=Reason.OUTAGE),
        Slot(at("0:45"), Verdict.COMPLIANT),
        Alert(Rule.OUTAGE, END, order="O", grade=1, last=at("0:30"), closed=at("0:45")),
        Count(Rule.OFFLINE, 0),
    ]


@case(11)
def zero_in_a_declared_outage() -> tuple[World, list[Expectation]]:
    # declared for the plant until 00:30: its first slot is an outage, a zero behind it is unproven
    of = registry(stop(), outages=(Outage(0, at("0:30"), "office", plant_id="P"),))
    return world(of, flat(at("0:00"), at("0:45"), 0), at("0:45")), [
        Slot(END, Verdict.OUTAGE),
        Slot(at("0:45"), Verdict.UNKNOWN, has=Reason.ZERO_UNPROVEN),
    ]


@case(11)
def outage_must_cover_every_valid_meter() -> tuple[World, list[Expectation]]:
    # m is declared out, n only reads 0
    of = registry(stop(), meters=TWO, outages=(Outage(0, at("1:00"), "office", meter_id="m"),))
    return world(of, [reading(END, 0), reading(END, 0, "n")], END), [
        Slot(END, Verdict.UNKNOWN, has=Reason.ZERO_UNPROVEN, load=None, coverage=0.0)
    ]


@case(11)
def unproven_zero_and_idle_share() -> tuple[World, list[Expectation]]:
    # idle 20 kW is above 1 % of 1000: nothing shows that the meter lives
    return world(registry(stop()), [reading(END, 0)], END), [
        Slot(END, Verdict.UNKNOWN, has=Reason.ZERO_UNPROVEN, load=None, coverage=0.0)
    ]


@case(11)
def zero_of_a_plant_that_idles_at_nothing() -> tuple[World, list[Expectation]]:
    # idle 10 kW is 1 % of 1000: 0 with evidence
    return world(registry(stop(), baselines=[baseline(idle_kw=10.0)]), [reading(END, 0)], END), [
        Slot(END, Verdict.COMPLIANT, load=0.0, coverage=1.0)
    ]


@case(11)
def silence_in_a_declared_outage() -> tuple[World, list[Expectation]]:
    # twelve silent slots in a declared outage are unknown: outage, and not missing for offline
    of = registry(stop(), outages=(Outage(at("1:00"), at("4:00"), "office", meter_id="m"),))
    readings = flat(at("0:00"), at("1:00"), 20) + flat(at("4:00"), at("5:00"), 20)
    return world(of, readings, at("5:00")), [
        Slot(at("2:00"), Verdict.UNKNOWN, has=Reason.OUTAGE, load=None, coverage=0.0),
        Count(Rule.OFFLINE, 0),
        Alert(Rule.OUTAGE, at("1:15"), last=at("4:00"), closed=at("4:15")),
    ]
