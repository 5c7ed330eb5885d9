"""Caps from outside: what a scope may run at over any span, and why."""

from dataclasses import replace
from typing import Any

import pytest

from detectors.registry import Baseline
from detectors.world import compile_world
from service.api import schemas_orders as schemas
from service.calendar import office_day_type
from service.db.plant_registry import load_plant
from service.db.registry import apply_registry, load_registry
from service.db.sessions import reading, writing
from service.plans.apply import apply_plan
from service.plans.cap_series import cap_series
from service.plans.shipped import read_rulebook
from service.registry import read_registry
from tests.integration.orders_world import DAY, HOUR, LIST, PLAN, START, local, with_orders
from tests.integration.service_client import Service
from tests.integration.world import NOON


@pytest.fixture
async def office(service: Service) -> Service:
    """The judged world with two more plants that have orders of every kind."""
    return await with_orders(service)


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
