"""The rulebook of 郑政文〔2017〕210号 against decisions written by hand from the plan's text."""

from dataclasses import replace

import pytest

from detectors.errors import InputError
from detectors.registry import FOREVER, PlantPlan, Registry
from detectors.rulebook.decisions import Outcome
from detectors.rulebook.schema import Rulebook
from detectors.vocab import Control
from service.registry import read_registry
from tests.plan.written import (
    PLAN,
    Applied,
    apply,
    decision_row,
    differences,
    exemption_row,
    member_row,
    order_row,
    plant_of_scopes,
    rulebook,
    written,
)

DOCUMENT = "郑政文〔2017〕210号"
#: 2018-03-01 00:00 in Shanghai.
MARCH = 1519833600


@pytest.fixture(scope="module")
def book() -> Rulebook:
    """The rulebook of the plan."""
    return rulebook("zhengzhou-2017.toml")


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The made list, read as an office's folder is."""
    return read_registry(PLAN / "registry")


@pytest.fixture(scope="module")
def applied(book: Rulebook, registry: Registry) -> Applied:
    """The plan on the made list."""
    return apply(book, registry)


def test_every_decision_is_the_one_of_the_text(book: Rulebook, applied: Applied) -> None:
    decided = [decision_row(d, book) for d in applied.decisions]
    told = differences(written(PLAN / "expected.csv"), decided, ("plant_id", "line_id"))
    assert "\n".join(told) == ""


def test_every_decision_says_why_in_both_languages(applied: Applied) -> None:
    assert [d.plant_id for d in applied.decisions if not d.why_zh or not d.why_en] == []


def test_decisions_come_by_plant_and_line(applied: Applied) -> None:
    names = [(d.plant_id, d.line_id or "") for d in applied.decisions]
    assert names == sorted(names)


def test_a_missing_approval_is_told(applied: Applied) -> None:
    (stopped,) = [d for d in applied.decisions if d.plant_id == "C10"]
    assert "郑州市人民政府" in stopped.why_zh
    assert "approv" in stopped.why_en


@pytest.mark.parametrize("has_list", [True, False])
def test_orders_are_those_of_the_text(book: Rulebook, registry: Registry, has_list: bool) -> None:
    """Without a list of the document every plant counts as listed."""
    world = registry if has_list else replace(registry, listings=())
    decisions, wanted = apply(book, world)
    unlisted = {d.plant_id for d in decisions if not d.is_listed}
    plants = plant_of_scopes(world, wanted)
    hand = [row for row in written(PLAN / "expected_orders.csv") if row["plant_id"] not in unlisted]
    assert len({"B03", "E02"} & unlisted) == (2 if has_list else 0)
    decided = [order_row(order, book, plants) for order in wanted.orders if order.level is None]
    assert "\n".join(differences(hand, decided, ("scope_id", "clause", "from"))) == ""


def test_orders_name_document_and_item(book: Rulebook, applied: Applied) -> None:
    orders = applied.wanted.orders
    assert len({o.order_id for o in orders}) == len(orders)
    assert {(o.document, o.revision, o.level) for o in orders} == {(DOCUMENT, 1, None)}
    assert book.livelihood is not None
    items = {item.item_id: item.clause for item in book.items} | {book.livelihood.item_id: book.livelihood.clause}
    for order in orders:
        named = [
            i for i in items if order.order_id.startswith((f"{DOCUMENT}-{i}-{order.scope_id}", f"{DOCUMENT}-{i}-cap"))
        ]
        assert [items[i] for i in named] == [order.clause], order.order_id


def test_scopes_count_the_meters_of_what_is_ordered(book: Rulebook, applied: Applied) -> None:
    clauses = {order.scope_id: order.clause or "" for order in applied.wanted.orders}
    made = {scope.scope_id for scope in applied.wanted.scopes}
    decided = [member_row(m, book, clauses) for m in applied.wanted.scope_meters if m.scope_id in made]
    hand = written(PLAN / "expected_scope_meters.csv")
    assert "\n".join(differences(hand, decided, ("scope_id", "clause", "meter_id"))) == ""


def test_turns_are_exemptions_of_the_stop(applied: Applied) -> None:
    clauses: dict[str | None, str] = {order.order_id: order.clause or "" for order in applied.wanted.orders}
    decided = [exemption_row(exemption, clauses) for exemption in applied.wanted.exemptions]
    told = differences(written(PLAN / "expected_exemptions.csv"), decided, ("scope_id", "from"))
    assert "\n".join(told) == ""


def test_applying_again_gives_the_same(book: Rulebook, registry: Registry, applied: Applied) -> None:
    shuffled = replace(
        registry,
        plants=registry.plants[::-1],
        lines=registry.lines[::-1],
        meters=registry.meters[::-1],
        listings=registry.listings[::-1],
        plant_plans=registry.plant_plans[::-1],
    )
    assert apply(book, shuffled) == applied


@pytest.mark.parametrize(
    "plan, clause",
    [
        (PlantPlan("E01", DOCUMENT, reduction=0.1), "三(二)1"),
        (PlantPlan("K02", DOCUMENT, units_allowed=3), "三(二)4"),
        (PlantPlan("A01", DOCUMENT, reduction=0.29), "三(二)2"),
        (PlantPlan("A01", DOCUMENT, units_allowed=64), "三(二)2"),
        (PlantPlan("C01", DOCUMENT, control=Control.LIMIT, reduction=0.5), "三(一)1"),
        (PlantPlan("C01", DOCUMENT, control=Control.CAP, cap_kw=900.0), "三(一)1"),
        (PlantPlan("J01", DOCUMENT, reduction=0.5), "三(二)5"),
        (PlantPlan("B01", DOCUMENT, valid_to=MARCH), "三(一)3"),  # 二: the season is until 15 March
    ],
)
def test_a_plan_of_a_plant_that_asks_less_than_the_clause_is_refused(
    book: Rulebook, registry: Registry, plan: PlantPlan, clause: str
) -> None:
    kept = tuple(p for p in registry.plant_plans if p.plant_id != plan.plant_id)
    with pytest.raises(InputError) as refused:
        apply(book, replace(registry, plant_plans=(*kept, plan)))
    assert plan.plant_id in str(refused.value)
    assert clause in str(refused.value)


def test_a_plan_of_a_plant_may_ask_more_than_the_clause(book: Rulebook, registry: Registry) -> None:
    plan = PlantPlan("E01", DOCUMENT, control=Control.STOP, residual_kw=700.0)
    _, wanted = apply(book, replace(registry, plant_plans=(*registry.plant_plans, plan)))
    (order,) = [o for o in wanted.orders if o.scope_id == "E01"]
    assert (order.control, order.residual_kw, order.clause) == (Control.STOP, 700.0, "三(二)1")


def test_a_plan_under_another_document_says_nothing_here(book: Rulebook, registry: Registry, applied: Applied) -> None:
    plan = PlantPlan("E01", "郑政文〔2016〕1号", reduction=0.9, valid_to=FOREVER)
    assert apply(book, replace(registry, plant_plans=(*registry.plant_plans, plan))) == applied


def test_the_list_takes_every_item_of_section_three() -> None:
    """No item of the plan is left without a plant that it orders."""
    ordered = {row["clause"] for row in written(PLAN / "expected.csv") if row["outcome"] == Outcome.ORDERED}
    items = {f"三(一){n}" for n in range(1, 11)} | {f"三(二){n}" for n in range(1, 7)} | {"三(一)保民生"}
    assert ordered == items


def test_items_mean_the_trades_of_the_text(book: Rulebook) -> None:
    """Every code of both editions of GB/T 4754 that an item names, and no other."""
    named: dict[tuple[str, str], list[str]] = {}
    for item in book.items:
        for trade in item.industries:
            named.setdefault(trade, []).append(item.clause)
    decided = [{"edition": e, "code": c, "clauses": ";".join(sorted(of))} for (e, c), of in named.items()]
    hand = [{k: v for k, v in row.items() if k != "name"} for row in written(PLAN / "expected_trades.csv")]
    assert "\n".join(differences(hand, decided, ("edition", "code"))) == ""


def test_the_comparison_tells_every_kind_of_difference() -> None:
    """A row missing, a row more, a cell that differs, a number out of its range; ``*`` takes anything."""
    hand = [{"id": "a", "h": "4..72", "c": "*"}, {"id": "b", "h": "4", "c": ""}, {"id": "d", "h": "4..72", "c": "x"}]
    decided = [{"id": "a", "h": "48", "c": "y"}, {"id": "b", "h": "", "c": ""}, {"id": "e", "h": "4", "c": ""}]
    told = differences(hand, decided, ("id",))
    assert [line.partition(":")[0] for line in told] == ["b", "d", "e"]
    assert differences([{"id": "a", "h": "4..72"}], [{"id": "a", "h": "96"}], ("id",)) != []
