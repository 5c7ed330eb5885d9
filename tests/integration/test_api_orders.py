"""Orders, caps and rulebooks from outside: what is ordered, what a scope may run at, and why."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from detectors.registry import FOREVER, Baseline, Exemption, Line, Meter, Order, Plant, Registry, Scope
from detectors.vocab import Control, Measure, Role
from detectors.world import compile_world
from service.api import schemas_orders as schemas
from service.calendar import office_day_type
from service.db.plant_registry import load_plant
from service.db.registry import apply_registry, load_registry
from service.db.rulebooks import keep_rulebook
from service.db.sessions import reading, writing
from service.plans.apply import apply_plan
from service.plans.cap_series import cap_series
from service.plans.shipped import read_rulebook
from service.registry import read_registry
from tests.integration.service_client import Service
from tests.integration.world import MIDNIGHT, NOON

HOUR = 3600
DAY = 24 * HOUR
START = int(MIDNIGHT.timestamp())
PLAN = "郑政文〔2017〕210号"
LIST = Path(__file__).parents[1] / "plan" / "registry"


def local(seconds: int) -> str:
    """Seconds after the midnight of 2017-11-16 as the service shows them."""
    return datetime.fromtimestamp(START + seconds, MIDNIGHT.tzinfo).isoformat()


STOP = Order(
    "A-stop",
    "Q1",
    Control.STOP,
    START,
    START + 10 * DAY,
    residual_kw=40.0,
    ramp_down_h=2.0,
    document=PLAN,
    clause="三(一)3",
)
OFFICE = Registry(
    plants=(Plant("Q1", "甲厂", "新密市"), Plant("Q2", "乙厂", "登封市")),
    lines=tuple(Line(f"Q2L{n}", "Q2", f"{n}号线", unit_kw=100.0) for n in (1, 2, 3)),
    meters=(
        Meter("Q1m", "Q1"),
        Meter("Q2m", "Q2"),
        *(Meter(f"Q2m{n}", "Q2", f"Q2L{n}", role=Role.LINE) for n in (1, 2, 3)),
    ),
    scopes=(Scope("Q1-kiln", "Q1", "窑", "process"),),
    orders=(
        replace(STOP, residual_kw=30.0),
        replace(STOP, revision=2),
        Order(
            "B-night", "Q1", Control.CAP, START, START + 5 * DAY, 79200, 21600, cap_kw=20.0, rulebook="zhengzhou-2017"
        ),
        Order("C-red", "Q1", Control.LIMIT, START + 2 * DAY, START + 3 * DAY, reduction=0.5, level="red"),
        Order("D-gone", "Q1", Control.STOP, START, START + 5 * DAY),
        Order("D-gone", "Q1", Control.STOP, START, START, revision=2),
        Order("E-old", "Q1-kiln", Control.STOP, START - 40 * DAY, START - 10 * DAY, residual_kw=1.0),
        Order("E-older", "Q1-kiln", Control.STOP, START - 400 * DAY, START - 300 * DAY, residual_kw=1.0),
        Order("F-units", "Q2", Control.UNITS, START, FOREVER, reduction=0.3, document=PLAN, clause="三(二)3"),
        Order("G-coking", "Q2", Control.COKING, START + 20 * DAY, START + 30 * DAY, reduction=0.3),
        Order("H-energy", "Q1-kiln", Control.LIMIT, START, START + DAY, reduction=0.2, measure=Measure.ENERGY),
    ),
    baselines=(
        Baseline("Q1", "2017-10", START - 60 * DAY, 1000.0, idle_kw=35.0, approved_by="市工信委"),
        Baseline("Q1-kiln", "2017-10", START - 60 * DAY, 500.0, day_kwh=8000.0),
    ),
    exemptions=(
        Exemption("Q1", START + 12 * HOUR, START + 18 * HOUR, "保温", "市政府", max_kw=300.0, document="批1号"),
        Exemption("Q1", START + 4 * DAY, START + 5 * DAY, "轮产", "市工信委", order_id="A-stop"),
    ),
)


@pytest.fixture
async def office(service: Service) -> Service:
    """The judged world with two more plants that have orders of every kind."""
    async with writing(service.engine) as connection:
        await apply_registry(connection, OFFICE, NOON.timestamp())
    return service


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


async def caps(service: Service, scope_id: str, begin: int, end: int) -> Any:
    """Caps of a span, checked against the schema; the spans follow each other."""
    body = await service.json(f"/v1/scopes/{scope_id}/caps", "city", **{"from": local(begin), "to": local(end)})
    schemas.CapsAnswer.model_validate(body)
    for one, other in zip(body["spans"], body["spans"][1:], strict=False):
        assert one["to"] == other["from"]
    return body


async def test_caps_of_a_span_before_any_reading_and_ahead(office: Service) -> None:
    """One element a run of equal caps, from before the first order to behind the last."""
    body = await caps(office, "Q1", -DAY, DAY)
    shown = [(s["from"], s["state"], s["cap_kw"], s["order_id"]) for s in body["spans"]]
    assert shown == [
        (local(-DAY), "no_order", None, None),
        (local(0), "ordered", 20.0, "B-night"),
        (local(6 * HOUR), "ordered", 90.0, "A-stop"),
        (local(12 * HOUR), "ordered", 300.0, "A-stop"),
        (local(18 * HOUR), "ordered", 90.0, "A-stop"),
        (local(22 * HOUR), "ordered", 20.0, "B-night"),
    ]
    assert body["spans"][2]["document"] == PLAN
    assert body["spans"][2]["order_revision"] == 2
    ahead = await caps(office, "Q1", 9 * DAY, 190 * DAY)
    assert [s["state"] for s in ahead["spans"]] == ["ordered", "no_order"]
    assert ahead["spans"][1] == {**ahead["spans"][1], "from": local(10 * DAY), "to": local(190 * DAY)}
    energy = await caps(office, "Q1-kiln", 0, 2 * DAY)
    assert energy["days"] == [{"date": "2017-11-16", "order_id": "H-energy", "cap_kwh": 6400.0}]


async def test_a_span_holds_whole_slots_and_has_a_limit(office: Service) -> None:
    """Cut slots are left out; a season fits, two do not; backwards and empty are refused."""
    body = await caps(office, "Q1", 1, 3 * 900 - 1)
    assert [(s["from"], s["to"]) for s in body["spans"]] == [(local(900), local(2 * 900))]
    assert (await caps(office, "Q1", 1, 899))["spans"] == []
    for begin, end in ((0, 201 * DAY), (DAY, DAY), (DAY, 0)):
        await office.problem("/v1/scopes/Q1/caps", "city", 400, **{"from": local(begin), "to": local(end)})


async def test_one_plants_rows_give_the_caps_of_the_whole_registry(service: Service) -> None:
    """The made list under the plan: what a request loads suffices, and the answer is what the judgement works with."""
    made = read_registry(LIST)
    plants = [p.plant_id for p in made.plants]
    baselines = [Baseline(p, "v", START - DAY, 800.0 + n, idle_kw=n % 5 or None) for n, p in enumerate(plants)]
    lines = tuple(replace(line, unit_kw=90.0 + n) for n, line in enumerate(made.lines))
    async with writing(service.engine) as connection:
        await apply_registry(connection, replace(made, lines=lines, baselines=tuple(baselines)), NOON.timestamp())
        await apply_plan(connection, read_rulebook("zhengzhou-2017"), NOON.timestamp())
    async with reading(service.engine) as connection:
        whole = (await load_registry(connection)).registry
        parts = {plant_id: await load_plant(connection, plant_id) for plant_id in {s.plant_id for s in whole.scopes}}
    world = compile_world(whole, 900, office_day_type(whole))
    first = START // 900
    for plant_id, rows in parts.items():
        alone = compile_world(rows, 900, office_day_type(rows))
        for scope in (s for s in whole.scopes if s.plant_id == plant_id):
            expected = cap_series(world, scope.scope_id, first, first + 400)
            assert cap_series(alone, scope.scope_id, first, first + 400) == expected
    controls = set()
    for order in {o.control: o for o in whole.orders}.values():
        body = await caps(service, order.scope_id, 0, 4 * DAY)
        spans = cap_series(world, order.scope_id, first, first + 4 * 96 - 1).spans
        assert [s["cap_kw"] for s in body["spans"]] == [None if s.cap_kw is None else round(s.cap_kw, 3) for s in spans]
        controls |= {s["control"] for s in body["spans"]}
    assert controls >= {"stop", "limit", "cap", "units"}


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


async def explain(service: Service, scope_id: str, at: int) -> tuple[Any, dict[str, list[str]]]:
    """The explanation of a slot, and its Chinese sentences by what they are about."""
    body = await service.json(f"/v1/scopes/{scope_id}/caps/explain", "city", at=local(at))
    schemas.CapExplanation.model_validate(body)
    said: dict[str, list[str]] = {}
    for sentence in body["sentences"]:
        assert sentence["zh"].endswith("。")
        assert sentence["en"].endswith(".")
        said.setdefault(sentence["about"], []).append(sentence["zh"])
    return body, said


async def test_a_cap_is_explained_with_its_numbers(office: Service) -> None:
    """The order and its clause, the arithmetic, what else holds, the exemption with approver and document."""
    body, said = await explain(office, "Q1", 13 * HOUR)
    assert (body["cap_kw"], body["order_id"]) == (300.0, "A-stop")
    assert body["baseline"]["running_kw"] == 1000.0
    assert said["state"] == ["2017-11-16 13:00 至 13:15：允许负荷 300 kW。"]
    assert "郑政文〔2017〕210号 三(一)3" in said["order"][0]
    assert "第2版" in said["order"][0]
    assert "保安负荷 40 kW + 余量 5% × R = 50 kW，合计 90 kW" in said["cap"][0]
    assert "豁免允许至 300 kW，取较高者" in said["cap"][0]
    assert "批准人 市政府，文件 批1号" in said["exemption"][0]
    assert "22:00 至 06:00" in said["beside"][0]
    assert body["sentences"][0]["en"] == "2017-11-16 13:00 to 13:15: cap 300 kW."


async def test_what_cannot_be_told_is_said(office: Service) -> None:
    """Coking time without a count of pushes; before any order the next one is named."""
    body, said = await explain(office, "Q2", 20 * DAY + HOUR)
    assert body["order_id"] == "F-units"
    assert "共 3 条（台），允许运行 2" in said["units"][0]
    assert "用电不能判定出焦时间" in said["beside"][0]
    body, said = await explain(office, "Q1", -HOUR)
    assert (body["state"], body["cap_kw"], body["orders"]) == ("no_order", None, [])
    assert "下一道令" in said["beside"][0]


async def test_rulebooks_shipped_and_applied(service: Service) -> None:
    """Before anything is applied the shipped ones; an applied version stands first and keeps its own text."""
    body = await service.json("/v1/rulebooks", "city")
    schemas.RulebooksAnswer.model_validate(body)
    assert [(b["rulebook_id"], b["is_shipped"], b["applied_at"]) for b in body["rulebooks"]] == [
        ("heavy-pollution", True, None),
        ("zhengzhou-2017", True, None),
    ]
    plan = read_rulebook("zhengzhou-2017")
    older = replace(plan.rulebook, version="0")
    async with writing(service.engine) as connection:
        await keep_rulebook(connection, plan.rulebook, plan.body, datetime(2017, 11, 14, tzinfo=UTC))
        await keep_rulebook(connection, older, "id = 'of another age'", datetime(2017, 11, 13, tzinfo=UTC))
    listed = (await service.json("/v1/rulebooks", "city"))["rulebooks"]
    assert [(b["rulebook_id"], b["version"], b["is_shipped"]) for b in listed] == [
        ("zhengzhou-2017", "1", True),
        ("zhengzhou-2017", "0", False),
        ("heavy-pollution", "1", True),
    ]
    assert listed[0]["applied_at"] == "2017-11-14T08:00:00+08:00"
    old = await service.json("/v1/rulebooks/zhengzhou-2017", "city", version="0")
    schemas.RulebookAnswer.model_validate(old)
    assert old["items"] == []
    assert "zhengzhou-2017" in old["unreadable"]
    await service.problem("/v1/rulebooks/zhengzhou-2017", "city", 404, version="9")
    await service.problem("/v1/rulebooks/..%2fzhengzhou-2017", "city", 404)


@pytest.mark.parametrize("name", ["zhengzhou-2017", "heavy-pollution"])
async def test_a_rulebook_tells_every_item_in_both_languages(service: Service, name: str) -> None:
    """Clauses, industries by edition, demands and brackets, and the words of every attribute that decides."""
    body = await service.json(f"/v1/rulebooks/{name}", "city")
    schemas.RulebookAnswer.model_validate(body)
    rulebook = read_rulebook(name).rulebook
    assert [i["item_id"] for i in body["items"]] == [i.item_id for i in rulebook.items]
    known = {a["name"] for a in body["attributes"]} | {"industry", "industry_edition"}
    for item in body["items"]:
        assert item["clause"]
        assert item["demands"]
        assert {*item["asks"], *(a for b in item["brackets"] for a in b["asks"])} <= known
        assert all(words["zh"] and words["en"] for words in (item, *item["demands"], *item["brackets"]))
    if name == "zhengzhou-2017":
        by_id = {i["item_id"]: i for i in body["items"]}
        assert body["season"] == {"first": "2017-11-15", "last": "2018-03-15"}
        assert by_id["limit-1"]["demands"][0]["reduction"] == 0.2
        assert by_id["limit-1"]["grace"] is None
        assert {"edition": "2017", "code": "3031"} in by_id["stop-3"]["industries"]
        assert body["livelihood"]["approver"] == "郑州市人民政府"
    else:
        assert [level["level"] for level in body["levels"]] == ["yellow", "orange", "red"]
