"""Laws of every shipped rulebook, over made plants: what is not known is never guessed, and row order is nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from detectors.registry import Episode, Line, Meter, Plant, Registry
from detectors.rulebook.conditions import NOTHING, Facts, InIndustry, asked, evaluate
from detectors.rulebook.decisions import Decision, Outcome
from detectors.rulebook.demands import COKING_HOURS, units_allowed
from detectors.rulebook.orders import wanted_orders
from detectors.rulebook.resolve import resolve, strictness
from detectors.rulebook.schema import Item, Rulebook
from detectors.vocab import Role
from tests.unit.rulebook_cases import shipped

ZHENGZHOU, HEAVY = shipped("zhengzhou-2017"), shipped("heavy-pollution")
BOOKS = [(ZHENGZHOU, None), *((HEAVY, level.level) for level in HEAVY.levels)]
CODES = sorted({code for item in ZHENGZHOU.items for _, code in item.industries} | {"1310", "303", "3216"})
#: The closed attributes of the plan, with their values; a product of no item stands for all others.
VALUES = {name: [*a.values, *(["other_product"] if a.is_open else [])] for name, a in ZHENGZHOU.attributes.items()}
CLOSED = sorted(name for name, values in VALUES.items() if values)

cells = st.dictionaries(st.sampled_from(CLOSED), st.integers(0, 1000), max_size=5).map(
    lambda chosen: {name: VALUES[name][n % len(VALUES[name])] for name, n in chosen.items()}
)


@st.composite
def registries(draw: st.DrawFn, plants: int = 1) -> Registry:
    """Plants with up to three lines each, some of them metered."""
    rows: list[Plant] = []
    lines: list[Line] = []
    metered: list[Meter] = []
    for n in range(plants):
        plant_id = f"P{n}"
        code, edition = draw(st.sampled_from(CODES)), draw(st.sampled_from(["2011", "2017", None]))
        rows.append(Plant(plant_id, plant_id, "登封市", None, code, edition, attributes=draw(cells)))
        metered.append(Meter(f"{plant_id}-M", plant_id))
        for m in range(draw(st.integers(0, 3))):
            line_id = f"{plant_id}-L{m}"
            kind, units = draw(st.sampled_from(["line", "cells"])), draw(st.sampled_from([None, 1, 90]))
            lines.append(Line(line_id, plant_id, line_id, kind, units, attributes=draw(cells)))
            if draw(st.booleans()):
                metered.append(Meter(f"{line_id}-M", plant_id, line_id, role=Role.LINE))
    return Registry(plants=tuple(rows), lines=tuple(lines), meters=tuple(metered))


def of_plant(book: Rulebook, registry: Registry, level: str | None) -> Decision:
    """The decision on the one plant."""
    return resolve(book, registry, level)[0]


def without(registry: Registry, name: str) -> Registry:
    """Nobody states an attribute, neither plant nor line."""

    def rest(attributes: Mapping[str, str]) -> dict[str, str]:
        return {k: v for k, v in attributes.items() if k != name}

    return replace(
        registry,
        plants=tuple(replace(p, attributes=rest(p.attributes)) for p in registry.plants),
        lines=tuple(replace(row, attributes=rest(row.attributes)) for row in registry.lines),
    )


def stating(registry: Registry, name: str, value: str) -> Registry:
    """Every plant states an attribute; its lines as before."""
    rows = tuple(replace(p, attributes={**p.attributes, name: value}) for p in registry.plants)
    return replace(registry, plants=rows)


@pytest.mark.parametrize("book, level", BOOKS)
@given(registry=registries(), name=st.sampled_from(CLOSED))
def test_a_certain_outcome_does_not_hang_on_what_is_not_known(
    book: Rulebook, level: str | None, registry: Registry, name: str
) -> None:
    unknown = without(registry, name)
    outcome = of_plant(book, unknown, level).outcome
    assume(outcome is not Outcome.CANNOT_DECIDE)
    assert of_plant(book, registry, level).outcome is outcome
    for value in VALUES[name]:
        assert of_plant(book, stating(unknown, name, value), level).outcome is outcome


@given(registry=registries())
def test_what_is_missing_would_decide(registry: Registry) -> None:
    """An attribute is called missing only where stating it changes the answer: the outcome, or what else is missing."""
    decision = of_plant(ZHENGZHOU, registry, None)
    for name in {*decision.missing} & {*CLOSED}:
        answers = [of_plant(ZHENGZHOU, stating(registry, name, value), None) for value in VALUES[name]]
        assert all((a.outcome, a.missing) != (decision.outcome, decision.missing) for a in answers)
        assert not any(name in a.missing for a in answers)


@given(registry=registries())
def test_a_plant_of_which_all_is_known_is_decided(registry: Registry) -> None:
    full = registry
    for name in CLOSED:
        if not any(name in p.attributes for p in registry.plants):
            full = stating(full, name, VALUES[name][0])
    code = registry.plants[0].industry or ""
    assume(len(code) == 4 and registry.plants[0].industry_edition is not None)
    assert set(of_plant(ZHENGZHOU, full, None).missing) <= {"meters"}


def questions(book: Rulebook, plant: Plant) -> set[str]:
    """The attributes that decide on a plant: those of the items that may be of its trade."""
    facts = Facts(plant.industry, plant.industry_edition, {})
    near = [i for i in book.items if evaluate(InIndustry(i.industries), facts).truth is not False]
    names = {COKING_HOURS} | ({book.livelihood.attribute} if book.livelihood else set())
    return names | {name for item in near for name in asks(item)}


def asks(item: Item) -> Iterator[str]:
    """The attributes of one item."""
    for condition in (item.when, *(b.when for b in item.brackets)):
        if condition is not None:
            yield from asked(condition)
    if item.part is not None:
        yield item.part.attribute


@pytest.mark.parametrize("book, level", BOOKS)
@given(registry=registries(), name=st.sampled_from(CLOSED), n=st.integers(0, 1000))
def test_an_attribute_that_nothing_asks_for_changes_nothing(
    book: Rulebook, level: str | None, registry: Registry, name: str, n: int
) -> None:
    assume(name not in questions(book, registry.plants[0]))
    before = resolve(book, registry, level)
    assert resolve(book, without(registry, name), level) == before
    assert resolve(book, stating(registry, name, VALUES[name][n % len(VALUES[name])]), level) == before


@given(registry=registries(plants=3), data=st.data())
def test_the_order_of_rows_changes_nothing(registry: Registry, data: st.DataObject) -> None:
    episodes = (Episode("E", 1512100800, "red", "d", 1512200000), Episode("E", 1512000000, "yellow", "d"))
    registry = replace(registry, episodes=episodes)
    shuffled = replace(
        registry,
        plants=tuple(data.draw(st.permutations(registry.plants))),
        lines=tuple(data.draw(st.permutations(registry.lines))),
        meters=tuple(data.draw(st.permutations(registry.meters))),
        episodes=tuple(data.draw(st.permutations(registry.episodes))),
    )
    assert resolve(ZHENGZHOU, shuffled) == resolve(ZHENGZHOU, registry)
    for book in (ZHENGZHOU, HEAVY):
        assert wanted_orders(book, shuffled) == wanted_orders(book, registry)


@given(registry=registries(plants=3))
def test_decisions_are_sorted_and_each_plant_has_one(registry: Registry) -> None:
    decisions = resolve(ZHENGZHOU, registry)
    names = [(d.plant_id, d.line_id or "") for d in decisions]
    assert names == sorted(set(names))
    assert [d.plant_id for d in decisions if d.line_id is None] == sorted(p.plant_id for p in registry.plants)
    for d in decisions:
        assert d.why_zh
        assert d.why_en
        assert (d.outcome is Outcome.CANNOT_DECIDE) == bool(d.missing)
        assert [strictness(x) for x in d.also] == sorted(strictness(x) for x in d.also)
        assert len({x.scope_id for x in (d, *d.also)}) == 1 + len(d.also)


@given(registry=registries(plants=2))
def test_every_order_has_a_scope_and_every_new_scope_is_ordered(registry: Registry) -> None:
    rows = wanted_orders(ZHENGZHOU, registry)
    known = {p.plant_id for p in registry.plants} | {s.scope_id for s in rows.scopes}
    assert {o.scope_id for o in rows.orders} <= known
    assert {s.scope_id for s in rows.scopes} <= {o.scope_id for o in rows.orders}
    assert {m.scope_id for m in rows.scope_meters} == {s.scope_id for s in rows.scopes}
    assert len({o.order_id for o in rows.orders}) == len(rows.orders)


@given(total=st.integers(0, 10_000), per_mille=st.integers(1, 1000))
def test_the_floor_of_units_is_exact(total: int, per_mille: int) -> None:
    assert units_allowed(total, per_mille / 1000) == total * (1000 - per_mille) // 1000


def test_nothing_is_known_of_an_attribute_that_nobody_states() -> None:
    assert Facts(None, None).of("fuel") == NOTHING
    assert not NOTHING.is_complete
