"""Changed thresholds mark the slots that they touch: days on which another value is asked, and no others."""

import random
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from detectors.registry import ALWAYS, FOREVER, Baseline, Meter, Order, Plant, Registry, Threshold, with_default_scopes
from detectors.vocab import Control, Measure
from service.db.registry_diff import difference, overlaid
from service.db.registry_marks import marks_of, touched_spans
from tests.oracles.local_time import LocalTime
from tests.oracles.order_states import differing_slots
from tests.oracles.strategies_thresholds import FOR_ALL, VALUES
from tests.oracles.thresholds import value_on

HOUR, DAY, SLOT_S = 3600, 86_400, 900
#: 2017-11-15 00:00 in Zhengzhou.
START = 1510675200
LOCAL = LocalTime(ZoneInfo("Asia/Shanghai"), SLOT_S)
HORIZON = range(START // SLOT_S - 96, START // SLOT_S + 5 * 96)
SCOPES = ("P", "Q")
OFFICE = Registry(
    plants=(Plant("P", "甲", "登封市"), Plant("Q", "乙", "登封市")),
    meters=(Meter("p", "P", contract_kw=2000.0), Meter("q", "Q")),
    baselines=(Baseline("P", "v1", 0, 1000.0, idle_kw=20.0, day_kwh=16_000.0), Baseline("Q", "v1", 0, 900.0)),
)


def _order(chance: random.Random, name: str) -> Order:
    control = chance.choice([Control.STOP, Control.STOP, Control.LIMIT, Control.CAP])
    begin = START + chance.randrange(0, 3 * DAY, HOUR)
    return Order(
        name,
        chance.choice(SCOPES),
        control,
        begin,
        chance.choice([FOREVER, begin + chance.randrange(HOUR, 2 * DAY, HOUR)]),
        reduction=0.5 if control is Control.LIMIT else None,
        cap_kw=chance.choice([60.0, 300.0]) if control is Control.CAP else None,
        ramp_down_h=chance.choice([None, None, 2.5]),
        measure=chance.choice([Measure.ENERGY, Measure.POWER]) if control is Control.LIMIT else Measure.POWER,
    )


def _thresholds(chance: random.Random, kinds: list[tuple[str, str]]) -> tuple[Threshold, ...]:
    found: dict[tuple[object, ...], Threshold] = {}
    for kind in kinds:
        whose = None if kind in FOR_ALL else chance.choice([None, *SCOPES])
        edge = START + chance.randrange(-DAY, 4 * DAY, HOUR)
        rows = (
            Threshold(*kind, chance.choice(VALUES[kind]), "a", whose, ALWAYS, edge),
            Threshold(*kind, chance.choice(VALUES[kind]), "b", whose, edge, chance.choice([FOREVER, edge + 2 * DAY])),
        )
        for row in chance.sample(rows, chance.randint(1, 2)):
            found[row.scope_id, kind, row.valid_from] = row
    return tuple(found.values())


@pytest.mark.parametrize("seed", range(60))
def test_a_changed_threshold_marks_what_it_touches(seed: int) -> None:
    chance = random.Random(seed)
    orders = tuple(_order(chance, f"o{i}") for i in range(chance.randint(1, 4)))
    kinds = [*chance.sample(sorted(VALUES), 3), chance.choice([k for k in sorted(VALUES) if k[0] == "stop_run"])]
    before = replace(OFFICE, orders=orders, thresholds=_thresholds(chance, kinds))
    changed = _thresholds(chance, chance.sample(kinds, 2))
    keys: set[tuple[object, ...]] = {(t.scope_id, t.rule, t.name, t.valid_from) for t in changed}
    kept = tuple(t for t in before.thresholds if (t.scope_id, t.rule, t.name, t.valid_from) not in keys)
    before = replace(before, thresholds=_apart(changed, kept) + _of_keys(before.thresholds, keys))
    new = Registry(thresholds=changed)
    changes, after = difference(new, before), overlaid(before, new)
    now = START + 5 * DAY
    marks = marks_of(touched_spans(changes, before, after, now, SLOT_S), dict.fromkeys(SCOPES, 0), now, SLOT_S)
    marked = {s: set[int]() for s in SCOPES}
    for mark in marks:
        marked[mark.scope_id] |= {s for s in range(mark.first_slot, mark.last_slot + 1) if s in HORIZON}
    worlds = with_default_scopes(before), with_default_scopes(after)
    for scope_id in SCOPES:
        touched = differing_slots(*worlds, HORIZON, SLOT_S).get(scope_id, set()) & set(range(now // SLOT_S))
        assert touched - marked[scope_id] == set()
        graces = [(o.valid_from, o.valid_from + 96 * HOUR) for o in orders if o.scope_id == scope_id]
        for slot in marked[scope_id]:
            in_grace = any(begin <= slot * SLOT_S < end for begin, end in graces)
            assert in_grace or _asks_another(before, after, scope_id, slot), (scope_id, slot)


def _asks_another(before: Registry, after: Registry, scope_id: str, slot: int) -> bool:
    """On the slot's own day, or on the one whose night it belongs to."""
    days = {LOCAL.day_of_slot(slot), LOCAL.day_of_slot(slot + 8)}
    return any(
        value_on(before.thresholds, LOCAL, *kind, whose, day) != value_on(after.thresholds, LOCAL, *kind, whose, day)
        for kind in VALUES
        for whose in [None if kind in FOR_ALL else scope_id]
        for day in days
    )


def _of_keys(rows: tuple[Threshold, ...], keys: set[tuple[object, ...]]) -> tuple[Threshold, ...]:
    return tuple(t for t in rows if (t.scope_id, t.rule, t.name, t.valid_from) in keys)


def _apart(changed: tuple[Threshold, ...], rows: tuple[Threshold, ...]) -> tuple[Threshold, ...]:
    """Rows that overlap none of the changed ones: an import would refuse the others."""
    return tuple(
        t
        for t in rows
        if not any(
            (c.scope_id, c.rule, c.name) == (t.scope_id, t.rule, t.name)
            and c.valid_from < t.valid_to
            and t.valid_from < c.valid_to
            for c in changed
        )
    )


def test_a_value_for_all_leaves_scopes_with_their_own_alone() -> None:
    stops = tuple(Order(f"O{s}", s, Control.STOP, START, START + DAY) for s in SCOPES)
    before = replace(OFFICE, orders=stops, thresholds=(Threshold("stop_run", "margin", 0.1, "own", "P"),))
    new = Registry(thresholds=(Threshold("stop_run", "margin", 0.2, "all"),))
    spans = touched_spans(difference(new, before), before, overlaid(before, new), START + 2 * DAY, SLOT_S)
    assert {s for s, found in spans.items() if found} == {"Q"}


def test_the_default_set_by_hand_touches_nothing() -> None:
    stop = Order("O", "P", Control.STOP, START, START + DAY)
    before = replace(OFFICE, orders=(stop,))
    new = Registry(thresholds=(Threshold("stop_run", "margin", 0.05, "as it is", "P"),))
    spans = touched_spans(difference(new, before), before, overlaid(before, new), START + 2 * DAY, SLOT_S)
    assert not any(spans.values())
