"""Orders from outside: what is ordered, of whom, and what holds at a plant."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from service.api import schemas_orders as schemas
from service.db.registry import apply_registry
from service.db.sessions import writing
from tests.integration.orders_world import DAY, HOUR, OFFICE, PLAN, START, STOP, local, with_orders
from tests.integration.service_client import Service
from tests.integration.world import NOON


@pytest.fixture
async def office(service: Service) -> Service:
    """The judged world with two more plants that have orders of every kind."""
    return await with_orders(service)


def test_examples_are_valid_answers() -> None:
    """Each example is what its schema says."""
    shown = 0
    for model in vars(schemas).values():
        if isinstance(model, type) and issubclass(model, BaseModel) and isinstance(model.model_config, dict):
            extra = model.model_config.get("json_schema_extra")
            if isinstance(extra, dict) and "model_config" in vars(model):
                model.model_validate(extra["example"])
                shown += 1
    assert shown == 6


async def ids(service: Service, who: str = "city", **query: Any) -> list[str]:
    """Order ids and revisions of a list, ``A-stop/2``."""
    body = await service.json("/v1/orders", who, **query)
    return [f"{o['order_id']}/{o['revision']}" for o in body["orders"]]


async def test_the_list_shows_the_highest_revision_of_each_order(office: Service) -> None:
    """With plant, scope, document and clause; a withdrawn one says so."""
    body = await office.json("/v1/orders", "city")
    schemas.OrdersAnswer.model_validate(body)
    shown = {o["order_id"]: o for o in body["orders"]}
    assert list(shown) == sorted(shown)
    assert shown["A-stop"]["revision"] == 2
    assert shown["A-stop"]["residual_kw"] == 40.0
    assert (shown["A-stop"]["document"], shown["A-stop"]["clause"]) == (PLAN, "三(一)3")
    assert shown["A-stop"]["plant"] == {"plant_id": "Q1", "name": "甲厂", "county": "新密市"}
    assert (shown["A-stop"]["from"], shown["A-stop"]["to"]) == (local(0), local(10 * DAY))
    assert (shown["B-night"]["daily_from"], shown["B-night"]["daily_to"]) == ("22:00", "06:00")
    assert shown["F-units"]["to"] is None
    assert [o["order_id"] for o in body["orders"] if o["is_withdrawn"]] == ["D-gone"]
    every = await office.json("/v1/orders", "city", revisions="all", plant_id="Q1")
    assert [(o["revision"], o["is_latest"]) for o in every["orders"] if o["order_id"] == "A-stop"] == [
        (1, False),
        (2, True),
    ]


@pytest.mark.parametrize(
    "query, found",
    [
        ({"plant_id": "Q2"}, ["F-units/1", "G-coking/1"]),
        ({"scope_id": "Q1-kiln"}, ["E-old/1", "E-older/1", "H-energy/1"]),
        ({"control": "cap"}, ["B-night/1"]),
        ({"clause": "三(一)3"}, ["A-stop/2"]),
        ({"document": PLAN}, ["A-stop/2", "F-units/1"]),
        ({"level": "red"}, ["C-red/1"]),
        ({"rulebook": "zhengzhou-2017"}, ["B-night/1"]),
        ({"county": "登封市"}, ["F-units/1", "G-coking/1"]),
        ({"at": local(0)}, ["A-stop/2", "B-night/1", "F-units/1", "H-energy/1"]),
        ({"at": local(10 * DAY)}, ["F-units/1"]),
        ({"at": local(-1)}, []),
        ({"from": local(-20 * DAY), "to": local(0)}, ["E-old/1"]),
        ({"from": local(5 * DAY), "to": local(20 * DAY)}, ["A-stop/2", "F-units/1"]),
        ({"to": local(-300 * DAY)}, ["E-older/1"]),
        ({"document": "nothing"}, []),
    ],
    ids=str,
)
async def test_filters(office: Service, query: dict[str, str], found: list[str]) -> None:
    """Each asks the highest revision; half-open in time; a withdrawn order is in force at no time."""
    assert await ids(office, **query) == found


async def test_pages_of_orders(office: Service) -> None:
    """One by one the pages give the whole list; a cursor belongs to its filter."""
    whole, cursor, paged = await ids(office, revisions="all"), None, []
    while True:
        body = await office.json(
            "/v1/orders", "city", revisions="all", limit=2, **({"cursor": cursor} if cursor else {})
        )
        paged += [f"{o['order_id']}/{o['revision']}" for o in body["orders"]]
        cursor = body["next"]
        if cursor is None:
            break
        await office.problem("/v1/orders", "city", 400, cursor=cursor)
    assert paged == whole
    assert len(whole) == len(OFFICE.orders)


async def test_exemptions_stand_beside_the_orders_that_they_touch(office: Service) -> None:
    """One that names no order touches those of the season; one that names an order, that one; none of another time."""
    body = await office.json("/v1/orders", "city", plant_id="Q1")
    reasons = {o["order_id"]: [e["reason"] for e in o["exemptions"]] for o in body["orders"]}
    assert reasons["A-stop"] == ["保温", "轮产"]
    assert reasons["B-night"] == ["保温"]
    assert reasons["C-red"] == reasons["E-old"] == reasons["H-energy"] == []


async def test_a_county_sees_its_own_orders(office: Service) -> None:
    """Rows of the other county are absent, or 404 by id."""
    assert await ids(office, "county:登封市") == ["F-units/1", "G-coking/1"]
    await office.problem("/v1/orders", "county:登封市", 404, county="新密市")
    for path in (
        "/v1/plants/Q1/orders",
        "/v1/scopes/Q1/caps/explain",
        "/v1/plants/none/orders",
        "/v1/scopes/none/caps/explain",
    ):
        await office.problem(path, "county:登封市", 404)
    await office.problem("/v1/scopes/Q1/caps", "county:登封市", 404, **{"from": local(0), "to": local(DAY)})


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/plants/Q1/orders", "/v1/rulebooks", "/v1/scopes/Q1/caps/explain"])
async def test_unknown_parameters_are_refused(office: Service, path: str) -> None:
    """A misspelt filter must not read as everything."""
    await office.problem(path, "city", 400, plan="x")
    if path != "/v1/rulebooks":
        await office.problem(path, "city", 400, at="2017-11-16")


async def states(service: Service, at: int, plant_id: str = "Q1", scope_id: str = "Q1") -> tuple[Any, dict[str, str]]:
    """A scope of a plant at a time, and the state of each of its orders."""
    body = await service.json(f"/v1/plants/{plant_id}/orders", "city", at=local(at))
    schemas.PlantOrdersAnswer.model_validate(body)
    (scope,) = [s for s in body["scopes"] if s["scope_id"] == scope_id]
    return scope, {o["order"]["order_id"]: o["state"] for o in scope["orders"]}


async def test_what_holds_at_a_plant_through_its_days(office: Service) -> None:
    """Grace, the stop, the strictest, an exemption with a cap, one without, a warning level, the end."""
    scope, orders = await states(office, HOUR)
    assert (scope["state"], scope["cap_kw"], scope["order_id"]) == ("ordered", 20.0, "B-night")
    assert orders == {"A-stop": "grace", "B-night": "takes", "C-red": "to_come", "D-gone": "withdrawn"}
    scope, orders = await states(office, 8 * HOUR)
    assert (scope["cap_kw"], scope["order_id"], scope["baseline_version"]) == (90.0, "A-stop", "2017-10")
    assert orders["B-night"] == "outside_window"
    scope, orders = await states(office, 13 * HOUR)
    assert (scope["state"], scope["cap_kw"]) == ("ordered", 300.0)
    scope, orders = await states(office, 2 * DAY + 8 * HOUR)
    assert (scope["cap_kw"], orders["A-stop"], orders["C-red"]) == (90.0, "takes", "beside")
    (red,) = [o for o in scope["orders"] if o["order"]["order_id"] == "C-red"]
    assert (red["cap_kw"], red["order"]["cap_kw"]) == (500.0, None)
    scope, orders = await states(office, 4 * DAY + 8 * HOUR)
    assert (scope["state"], scope["cap_kw"], scope["order_id"]) == ("exempt", None, "A-stop")
    scope, orders = await states(office, 11 * DAY)
    assert (scope["state"], scope["order_id"]) == ("no_order", None)
    assert set(orders.values()) == {"past", "withdrawn"}


async def test_past_orders_are_those_of_the_season(office: Service) -> None:
    """What ended a year ago is not shown; energy limits say what the day allows; units say how many may run."""
    scope, orders = await states(office, HOUR, scope_id="Q1-kiln")
    assert orders == {"E-old": "past", "H-energy": "takes"}
    assert scope["orders"][1]["day_cap_kwh"] == 6400.0
    scope, _ = await states(office, HOUR, "Q2", "Q2")
    assert (scope["orders"][0]["units_allowed"], scope["orders"][0]["units_total"]) == (2, 3)


async def test_now_is_the_services_clock(office: Service) -> None:
    """12:00:10 in the judged world."""
    body = await office.json("/v1/plants/Q1/orders", "city")
    assert (body["slot_from"], body["slot_to"]) == (local(12 * HOUR), local(12 * HOUR + 900))


async def test_an_answer_that_is_known_is_not_sent_again(office: Service) -> None:
    """304 to the ETag; after a change of the registry the answer is new."""
    path = "/v1/plants/Q1/orders"
    first = await office.get(path, "city", at=local(0))
    etag = first.headers["etag"]
    headers = {**office.world.bearer("city"), "If-None-Match": f'"other", W/{etag}'}
    again = await office.client.get(path, params={"at": local(0)}, headers=headers)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    longer = replace(OFFICE, orders=(replace(STOP, revision=3, valid_to=START + 11 * DAY),))
    async with writing(office.engine) as connection:
        await apply_registry(connection, longer, NOON.timestamp())
    changed = await office.client.get(path, params={"at": local(0)}, headers=headers)
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag
