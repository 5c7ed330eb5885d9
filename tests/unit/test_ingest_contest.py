"""What stands among all values of a key does not depend on order, repetition or batching (SEMANTICS §2.6)."""

import dataclasses
import random
from dataclasses import dataclass, field

import numpy as np
import pytest

from detectors.readings import ReadingColumns, winners
from detectors.vocab import Quality
from service.db.contest import Came, Candidates, Fate, settle, settle_new
from service.db.optimism import Optimism

NAN = float("nan")


@dataclass(frozen=True, order=True)
class Value:
    """One arrival of a key."""

    key: int = 0
    value: float = 1.0
    q: int = 0
    rev: int = 0
    coll: int = 0
    scale: int = 0
    period_s: int = 900


@dataclass
class Store:
    """The store in memory: what stands and what lost, as the database keeps it."""

    standing: dict[int, tuple[Value, bool]] = field(default_factory=dict)
    conflicts: dict[int, set[Value]] = field(default_factory=dict)
    counts: dict[Fate, int] = field(default_factory=lambda: dict.fromkeys(Fate, 0))

    def put(self, batch: list[Value]) -> None:
        keys = {v.key for v in batch}
        stood = [(v, Came.STANDING, had) for k, (v, had) in self.standing.items() if k in keys]
        lost = [(v, Came.CONFLICT, False) for k in keys for v in self.conflicts.get(k, set())]
        everything = stood + lost + [(v, Came.ARRIVED, False) for v in batch]
        settled = settle(candidates(everything))
        for fate in settled.fate[len(stood) + len(lost) :].tolist():
            self.counts[Fate(fate)] += 1
        for place, winner in enumerate(settled.winner.tolist()):
            value = everything[winner][0]
            self.standing[value.key] = (value, bool(settled.had_evidence[place]))
        for key in keys:
            self.conflicts[key] = set()
        for loser in settled.losers.tolist():
            self.conflicts[everything[loser][0].key].add(everything[loser][0])

    def state(self) -> str:
        return repr((sorted(self.standing.items()), sorted((k, sorted(v)) for k, v in self.conflicts.items() if v)))


def candidates(rows: list[tuple[Value, Came, bool]]) -> Candidates:
    n = len(rows)
    columns = {f.name: np.array([getattr(v, f.name) for v, _, _ in rows]) for f in dataclasses.fields(Value)}
    value = columns["value"].astype(np.float64)
    readings = ReadingColumns(
        meter=columns["key"].astype(np.int32),
        kind=np.zeros(n, np.int8),
        ts=np.zeros(n, np.int64),
        value=np.where(columns["q"] == Quality.N, NAN, value),
        q=columns["q"].astype(np.int8),
        rev=columns["rev"].astype(np.int32),
        coll=columns["coll"].astype(np.int64),
        scale=columns["scale"].astype(np.int8),
        period_s=columns["period_s"].astype(np.int32),
        had_evidence=np.array([had for _, _, had in rows], np.bool_),
    )
    came = np.array([c for _, c, _ in rows], np.int8)
    factor = np.where(columns["scale"] == 1, 10.0, 1.0)
    return Candidates(readings, factor, np.zeros(n, np.int32), np.arange(n, dtype=np.int64), came)


def arrivals(rng: random.Random) -> list[Value]:
    """Values of few keys that are alike in all ways, some of them twice."""
    values = [
        Value(
            key=rng.randrange(3),
            value=float(rng.choice([0, 1, 10])),
            q=rng.choice([Quality.M, Quality.R, Quality.E, Quality.S, Quality.Q, Quality.N]),
            rev=rng.choice([0, 0, 1]),
            coll=rng.choice([0, 1, 2]),
            scale=rng.choice([0, 1]),
            period_s=rng.choice([900, 300]),
        )
        for _ in range(rng.randrange(1, 14))
    ]
    values = [dataclasses.replace(v, value=0.0) if v.q == Quality.N else v for v in values]
    return values + rng.choices(values, k=rng.randrange(4))


@pytest.mark.parametrize("seed", range(150))
def test_any_order_repetition_and_batching_ends_alike(seed: int) -> None:
    rng = random.Random(seed)
    values = arrivals(rng)
    whole = Store()
    whole.put(values)
    for _ in range(4):
        shuffled = values + rng.choices(values, k=rng.randrange(5))
        rng.shuffle(shuffled)
        pieces = Store()
        while shuffled:
            size = rng.randrange(1, 5)
            pieces.put(shuffled[:size])
            shuffled = shuffled[size:]
        assert pieces.state() == whole.state()


@pytest.mark.parametrize("seed", range(50))
def test_the_winner_is_the_back_tests(seed: int) -> None:
    values = arrivals(random.Random(seed))
    found = candidates([(v, Came.ARRIVED, False) for v in values])
    settled = settle(found)
    expected, lost = winners(found.readings, found.factor)
    won = found.readings.take(settled.winner)
    for name in ("meter", "q", "rev", "coll"):
        assert getattr(won, name).tolist() == getattr(expected, name).tolist()
    primary = won.value * found.factor[settled.winner]
    assert len(primary) == len(expected)
    assert settled.had_evidence.tolist() == expected.had_evidence.tolist()
    assert lost == len(values) - len(expected)


def test_a_later_estimate_never_replaces_a_measurement() -> None:
    store = Store()
    store.put([Value(value=5.0, q=Quality.M, coll=1)])
    store.put([Value(value=9.0, q=Quality.S, coll=99)])
    store.put([Value(value=0.0, q=Quality.N, coll=99)])
    assert store.standing[0] == (Value(value=5.0, q=Quality.M, coll=1), False)
    assert store.counts == {Fate.ACCEPTED: 1, Fate.DUPLICATE: 0, Fate.SUPERSEDED: 2}


def test_a_correction_to_none_remembers_the_evidence() -> None:
    store = Store()
    store.put([Value(value=5.0, q=Quality.M)])
    store.put([Value(value=5.0, q=Quality.Q, rev=1)])
    assert store.standing[0] == (Value(value=5.0, q=Quality.Q, rev=1), True)
    store.put([Value(value=6.0, q=Quality.E, rev=2)])
    assert store.standing[0] == (Value(value=6.0, q=Quality.E, rev=2), False)


def test_the_larger_primary_value_decides_between_scales() -> None:
    store = Store()
    store.put([Value(value=5.0, scale=0), Value(value=1.0, scale=1)])
    assert store.standing[0][0] == Value(value=1.0, scale=1)


def test_the_same_again_is_a_duplicate_and_keeps_the_latest_collection() -> None:
    store = Store()
    store.put([Value(coll=1), Value(coll=3), Value(coll=2)])
    assert store.counts == {Fate.ACCEPTED: 1, Fate.DUPLICATE: 2, Fate.SUPERSEDED: 0}
    assert store.standing[0][0].coll == 3


def test_a_repeated_loser_may_rise() -> None:
    store = Store()
    store.put([Value(value=1.0, coll=1), Value(value=2.0, coll=2)])
    store.put([Value(value=1.0, coll=3)])
    assert store.standing[0][0] == Value(value=1.0, coll=3)
    assert store.conflicts[0] == {Value(value=2.0, coll=2)}


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("years", [0, 40])
def test_what_arrives_together_is_settled_as_if_all_of_it_competed(seed: int, years: int) -> None:
    """Keys that come once are left out of the contest; so are they where times lie too far apart for packed keys."""
    rng = random.Random(seed)
    values = [dataclasses.replace(v, key=rng.randrange(9)) for v in arrivals(rng) + arrivals(rng)]
    rows = candidates([(v, Came.ARRIVED, False) for v in values])
    ts = rows.readings.ts + np.array([v.key % 2 for v in values]) * years * 365 * 86400
    rows = dataclasses.replace(rows, readings=dataclasses.replace(rows.readings, ts=ts))
    expected, found = settle(rows), settle_new(rows)
    for name in ("winner", "had_evidence", "changed", "rewritten", "period_s", "risen", "fate"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist(), name
    assert sorted(found.losers.tolist()) == sorted(expected.losers.tolist())


def test_only_what_is_later_than_all_before_is_expected_to_be_new() -> None:
    readings = candidates([(Value(key=k), Came.ARRIVED, False) for k in (1, 1, 5)]).readings
    first = dataclasses.replace(readings, ts=np.array([900, 1800, 900]))
    optimism = Optimism()
    assert optimism.are_newest(first).all()
    optimism.note(first)
    again = dataclasses.replace(readings, meter=np.array([1, 1, 700], np.int32), ts=np.array([1800, 2700, 900]))
    assert optimism.are_newest(again).tolist() == [False, True, True]
