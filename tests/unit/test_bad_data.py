"""What a `bad_data` alert says it found, and what of it is handed on to the next day."""

import json

import pytest

from detectors.alerts import NOTHING_CARRIED, Alert, Carry
from detectors.history import History
from detectors.reading_days import ReadingDays
from detectors.vocab import Reason, Rule
from detectors.world import compile_world
from tests.cases.fast import columns_of
from tests.cases.s5_faults import day_of_work, learned, with_
from tests.cases.worlds import at, energy_limit, flat, registry
from tests.oracles.rows import Reading


def _judged(readings: list[Reading], as_of: int) -> tuple[list[Alert], list[Carry]]:
    """The `bad_data` alerts of a limited plant, and what each of its days hands on."""
    world = compile_world(registry(energy_limit(), baselines=[learned()]))
    history = History(world, ReadingDays.of(world, columns_of(world.registry, readings)), as_of)
    carries = [result.carries[0] for result in history]
    return [a for a in history.alerts.values() if a.rule == Rule.BAD_DATA], carries


def test_every_fault_is_named_once() -> None:
    readings = with_(day_of_work(), "1:00", [0.0])
    readings = with_(with_(readings, "8:00", [604.0] * 13), "14:00", [2500.0, 2508.0])
    alerts, carries = _judged(readings, at("24:00"))
    assert [a.facts for a in sorted(alerts, key=lambda a: a.first_slot)] == [
        {"faults": ["dropout"]},
        {"faults": ["stuck"]},
        {"faults": ["spike"]},
    ]
    assert carries == [NOTHING_CARRIED]


def test_a_level_tells_its_factor_and_since_when() -> None:
    readings = day_of_work(last=56) + day_of_work(times=0.1, first=56) + flat(at("0:00", 1), at("24:00", 1), 16.0)
    alerts, carries = _judged(readings, at("24:00", 1))
    assert len(alerts) == 1
    facts = alerts[0].facts
    assert facts["faults"] == ["level"]
    assert facts["level_factor"] == pytest.approx(0.1, rel=0.02)
    assert facts["level_since_slot"] == at("14:00") // 900
    for carry in carries:
        assert carry.level is not None
        assert carry.level[0] == at("14:00") // 900
        assert carry.level[1] == pytest.approx(0.1, rel=0.02)
        assert [bits for _, bits in carry.doubted] == [Reason.SUSPECT_LEVEL] * 8


def test_a_fault_within_a_fault_is_named_beside_it() -> None:
    readings = with_(day_of_work(0, 0.1), "12:00", [0.0])
    alerts, _ = _judged(readings, at("24:00"))
    assert [a.facts["faults"] for a in alerts] == [["level", "dropout"]]


def test_what_is_handed_on_comes_back_from_json() -> None:
    carry = Carry(doubted=((7, int(Reason.SUSPECT_SPIKE)),), level=(3, 0.1))
    assert Carry.from_json(json.loads(json.dumps(carry.to_json()))) == carry
    assert NOTHING_CARRIED.to_json() == {"open": [], "closed": []}
    assert Carry.from_json({"open": [], "closed": []}) == NOTHING_CARRIED
