"""Settings tried out over judged days: what would have changed, what is refused, and that nothing is written."""

import asyncio
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from service.api import schemas_comparisons as schemas
from tests.integration.service_client import Service, problem_of
from tests.integration.world import add_orders, slot_end

BODY: dict[str, Any] = {
    "scopes": ["P1", "P2", "P3"],
    "from": "2017-11-16T00:00:00+08:00",
    "to": "2017-11-17T00:00:00+08:00",
}


async def post(service: Service, who: str = "city", **changes: Any) -> httpx2.Response:
    return await service.client.post("/v1/comparisons", json={**BODY, **changes}, headers=service.world.bearer(who))


async def compared(service: Service, **changes: Any) -> Any:
    """A comparison that was answered, checked against its schema."""
    response = await post(service, **changes)
    assert response.status_code == 200, response.text
    schemas.ComparisonAnswer.model_validate(response.json())
    return response.json()


async def everything(service: Service) -> dict[str, int]:
    """Rows of every table that holds anything of the office or of a judgement."""
    async with service.engine.connect() as connection:
        tables = ("orders", "baselines", "alerts", "alert_events", "scope_days", "dirty_scopes", "audit_log")
        return {t: (await connection.execute(text(f"SELECT count(*) FROM {t}"))).scalar_one() for t in tables}


async def test_nothing_proposed_changes_nothing(service: Service) -> None:
    """P1 is judged: its night run and what runs at noon are found on both sides."""
    await add_orders(service.engine)
    told = await compared(service)
    assert told["alert_changes"] == told["day_changes"] == []
    assert told["alerts"]["same"] == told["alerts"]["before"] == told["alerts"]["after"] >= 1
    assert told["days"] == {"compared": 3, "changed": 0}
    assert told["as_of"] == slot_end(47)


async def test_a_higher_residual_load_takes_the_night_run_away(service: Service) -> None:
    """400 kW from 02:00 to 04:00 under a cap of 100 kW; with a residual load of 450 kW nobody is over it."""
    await add_orders(service.engine)
    before = await everything(service)
    told = await compared(service, orders=[{"order_id": "O1", "residual_kw": 450}])
    gone = {c["rule"]: c for c in told["alert_changes"]}
    assert {c["change"] for c in gone.values()} == {"removed"}
    assert gone["stop_run"]["before"]["first_slot_end"] == slot_end(8)
    assert gone["stop_run"]["before"]["opened_at_slot_end"] == slot_end(10)
    assert gone["stop_run"]["after"] is None
    assert [(d["scope_id"], d["before"]) for d in told["day_changes"]] == [("P1", "violating")]
    assert await everything(service) == before


async def test_a_baseline_with_an_idle_load_adds_what_it_shows(service: Service) -> None:
    """P3 stands under a stop at 40 kW. Its order says 75 kW; without that, an idle load of 5 kW accuses it."""
    await add_orders(service.engine)
    proposal = [{"scope_id": "P3", "version": "tried", "running_kw": 500, "idle_kw": 5}]
    assert (await compared(service, baselines=proposal))["alert_changes"] == []
    bare = [{"order_id": "O3", "residual_kw": None}]
    told = await compared(service, baselines=[{**proposal[0], "running_kw": 100}], orders=bare)
    added = [c for c in told["alert_changes"] if c["rule"] == "stop_run"]
    assert [(c["scope_id"], c["change"]) for c in added] == [("P3", "added")]


async def test_a_stored_version_is_named_by_its_version(service: Service) -> None:
    await add_orders(service.engine)
    told = await compared(service, baselines=[{"scope_id": "P1", "version": "2017-10"}])
    assert told["alert_changes"] == []


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"scopes": ["P1", "nobody"]}, 404, "no such scope: nobody"),
        ({"scopes": []}, 400, "breaks the contract"),
        ({"to": "2017-11-16T00:00:00+08:00"}, 400, "later than"),
        ({"to": "2017-12-18T00:00:00+08:00"}, 400, "31 days at most"),
        ({"from": "2018-11-16T00:00:00+08:00", "to": "2018-11-17T00:00:00+08:00"}, 400, "nothing is judged yet"),
        ({"from": "2017-11-16 00:00"}, 400, "breaks the contract"),
        ({"thresholds": [{"rule": "stop_run", "name": "n_min", "value": 600}]}, 400, "from 15 to 120 min"),
        ({"thresholds": [{"rule": "stop_run", "name": "none", "value": 1}]}, 400, "no threshold stop_run.none"),
        ({"thresholds": [{"scope_id": "P9", "rule": "stop_run", "name": "n_min", "value": 45}]}, 400, "no scope P9"),
        ({"baselines": [{"scope_id": "P1", "version": "2016"}]}, 400, "no baseline of version 2016 for P1"),
        ({"baselines": [{"scope_id": "P1", "version": "x", "idle_kw": 3}]}, 400, "running_kw must be above 0"),
        ({"orders": [{"order_id": "none", "residual_kw": 3}]}, 400, "no order none"),
        ({"orders": [{"order_id": "O1", "to": "2017-01-01T00:00:00Z"}]}, 400, "would end before it begins"),
        ({"orders": [{"order_id": "O1", "reduction": 30}]}, 400, "breaks the contract"),
        ({"orders": [{"order_id": "O1", "residual": 30}]}, 400, "unknown parameter: orders.0.residual"),
        ({"thresholds": [{"rule": "stop_run", "name": "n_min", "value": 45}] * 501}, 400, "breaks the contract"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_compared_is_refused(
    service: Service, changes: dict[str, Any], status: int, said: str
) -> None:
    await add_orders(service.engine)
    assert said in problem_of(await post(service, **changes), status)["detail"]


async def test_too_many_days_of_scopes_are_refused(service: Service) -> None:
    many: dict[str, Any] = {
        "scopes": [f"P{n}" for n in range(40)],
        "from": "2017-11-01T00:00:00Z",
        "to": "2017-12-01T00:00:00Z",
    }
    assert "1000 days of scopes" in problem_of(await post(service, **many), 400)["detail"]


async def test_one_comparison_at_a_time(service: Service) -> None:
    """The second one is told to come again, and both end."""
    await add_orders(service.engine)
    answers = await asyncio.gather(*(post(service) for _ in range(4)))
    statuses = sorted(response.status_code for response in answers)
    assert statuses[0] == 200
    assert set(statuses) == {200, 503}
    assert all(r.headers["retry-after"] for r in answers if r.status_code == 503)
    assert (await post(service)).status_code == 200
