"""The shipped rulebook of warning levels on a made list: raised, lowered, ended at odd minutes, by county and city."""

from dataclasses import replace

import pytest

from detectors.registry import FOREVER, Registry
from detectors.rulebook.orders import wanted_orders
from detectors.rulebook.schema import Rulebook
from service.registry import read_registry
from tests.plan.written import PLAN, differences, order_row, plant_of_scopes, rulebook, written

WARNINGS = PLAN / "warnings"


@pytest.fixture(scope="module")
def book() -> Rulebook:
    """The rulebook of warning levels."""
    return rulebook("heavy-pollution.toml")


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The made list with its episodes."""
    return read_registry(WARNINGS / "registry")


def told(book: Rulebook, registry: Registry) -> str:
    """How the orders of the episodes differ from those written by hand."""
    wanted = wanted_orders(book, registry)
    plants = plant_of_scopes(registry, wanted)
    decided = [
        {**order_row(order, book, plants), "level": order.level or "", "order_id": order.order_id}
        for order in wanted.orders
    ]
    return "\n".join(differences(written(WARNINGS / "expected_orders.csv"), decided, ("order_id",)))


def test_orders_of_the_episodes_are_those_written_by_hand(book: Rulebook, registry: Registry) -> None:
    assert told(book, registry) == ""


def test_a_change_of_level_ends_the_level_before_where_its_end_was_open(book: Rulebook, registry: Registry) -> None:
    episodes = tuple(
        replace(episode, valid_to=FOREVER) if episode.document in ("示例预警通知1号", "示例预警通知2号") else episode
        for episode in registry.episodes
    )
    assert episodes != registry.episodes
    assert told(book, replace(registry, episodes=episodes)) == ""


def test_the_order_of_the_office_s_rows_does_not_matter(book: Rulebook, registry: Registry) -> None:
    assert told(book, replace(registry, episodes=registry.episodes[::-1], plants=registry.plants[::-1])) == ""


def test_without_an_episode_there_is_no_order(book: Rulebook, registry: Registry) -> None:
    assert wanted_orders(book, replace(registry, episodes=())).orders == ()


def test_the_process_scope_counts_its_line(book: Rulebook, registry: Registry) -> None:
    wanted = wanted_orders(book, registry)
    assert [(scope.scope_id, scope.kind) for scope in wanted.scopes] == [("V06-voc", "process")]
    assert [(m.scope_id, m.meter_id, m.sign) for m in wanted.scope_meters] == [("V06-voc", "V06-M1", 1)]
