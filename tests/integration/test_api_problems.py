"""Every refusal is a problem document, whoever raised it; bounds, headers, and a database that goes away."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.api import create_app, schemas
from service.api.access import ACCESS
from service.clock import VirtualClock
from service.db.engine import make_engine
from tests.integration.service_client import ACK_BODY, Service, problem_of
from tests.integration.world import NOON, SETTINGS, add_alert

ADDRESSES = {
    "/v1/alerts/{alert_id}": "/v1/alerts/a1",
    "/v1/alerts/{alert_id}/evidence.svg": "/v1/alerts/a1/evidence.svg",
    "/v1/scopes/{scope_id}/evidence.svg": (
        "/v1/scopes/P1/evidence.svg?from=2017-11-16T00:00:00Z&to=2017-11-16T01:00:00Z"
    ),
    "/v1/plants/{plant_id}/orders": "/v1/plants/P1/orders",
    "/v1/rulebooks/{rulebook_id}": "/v1/rulebooks/zhengzhou-2017",
    "/v1/scopes/{scope_id}/caps": "/v1/scopes/P1/caps?from=2017-11-16T00:00:00Z&to=2017-11-16T01:00:00Z",
    "/v1/scopes/{scope_id}/caps/explain": "/v1/scopes/P1/caps/explain",
    "/v1/scopes/{scope_id}/baselines": "/v1/scopes/P1/baselines",
    "/v1/scopes/{scope_id}/thresholds": "/v1/scopes/P1/thresholds",
    "/v1/scopes/{scope_id}/load": "/v1/scopes/P1/load?from=2017-11-16T00:00:00Z&to=2017-11-16T01:00:00Z",
    "/v1/days/{day}": "/v1/days/2017-11-16",
    "/static/{name}": "/static/console.js",
}


@pytest.mark.parametrize("path", sorted(path for method, path in ACCESS if method == "GET"))
async def test_an_unknown_parameter_is_400(service: Service, path: str) -> None:
    """On every route; a misspelt filter must not read as "everything"."""
    await add_alert(service.engine, "P1", "a1")
    address = ADDRESSES.get(path, path)
    mark = "&" if "?" in address else "?"
    who = service.world.bearer("operator")
    assert (await service.client.get(address, headers=who)).status_code == 200
    problem = problem_of(await service.client.get(f"{address}{mark}contry=x", headers=who), 400)
    assert problem["detail"] == "unknown parameter: contry"


async def test_an_unknown_parameter_of_a_post_is_400(service: Service) -> None:
    """The same for the one route that writes."""
    response = await service.client.post(
        "/v1/alerts/a1/acknowledge?force=1", json=ACK_BODY, headers=service.world.bearer("city")
    )
    problem_of(response, 400)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=1001", "limit=x", "grade=3", "grade=0", "rule=stop", "condition=open", "evidence=maybe",
        "open=perhaps", "from=2017-11-16T00:00:00", "to=now", "county=", "plant_id=%00", "cursor=%20", "work=DROP",
        "plant_id=" + "x" * 201,
    ],
)  # fmt: skip
async def test_a_bad_value_is_400_and_names_its_place(service: Service, query: str) -> None:
    """The value itself is not echoed."""
    problem = problem_of(await service.client.get(f"/v1/alerts?{query}", headers=service.world.bearer("city")), 400)
    assert [e["name"] for e in problem["errors"]] == [query.partition("=")[0]]
    assert all(set(e) == {"in", "name", "reason"} for e in problem["errors"])


@pytest.mark.parametrize("query", ["limit=1001", "wait=31", "wait=-1", "wait=nan", "after="])
async def test_a_bad_value_of_the_feed_is_400(service: Service, query: str) -> None:
    """limit 1..1000, wait 0..30."""
    problem_of(await service.client.get(f"/v1/alert-events?{query}", headers=service.world.bearer("city")), 400)


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1/", "/v1/alerts/", "/static/../console.py", "/static/none.js", "/docs"]
)
async def test_an_unknown_path_is_404(service: Service, path: str) -> None:
    """Files outside the list are no files."""
    problem_of(await service.client.get(path, headers=service.world.bearer("city")), 404)


async def test_a_wrong_method_is_405(service: Service) -> None:
    """And says which are right."""
    response = await service.client.delete("/v1/alerts", headers=service.world.bearer("city"))
    problem_of(response, 405)
    assert response.headers["allow"] == "GET"


async def test_a_bug_is_500_and_shows_nothing(service: Service, engine: AsyncEngine) -> None:
    """A table that is gone: a fault of ours; the caller sees no detail of it."""
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE plants RENAME TO plants_gone"))
    problem = problem_of(await service.get("/v1/plants", "city"), 500)
    assert "plants_gone" not in str(problem)
    assert "SELECT" not in str(problem)


async def test_a_body_over_a_mebibyte_is_413(service: Service) -> None:
    """Declared or not, before anything is parsed; a body just under it is read."""
    headers = service.world.bearer("city") | {"content-type": "application/json"}
    path = "/v1/alerts/a1/acknowledge"
    problem_of(await service.client.post(path, content=b"x" * (1 << 20) + b"x", headers=headers), 413)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * (1 << 16)

    problem_of(await service.client.post(path, content=chunks(), headers=headers), 413)
    problem_of(await service.client.post(path, content=b" " * ((1 << 20) - 2) + b"{}", headers=headers), 400)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"actor": NaN}', b"[" * 100_000, b'"\\ud800"'])
async def test_a_body_that_is_no_json_is_400(service: Service, body: bytes) -> None:
    """Broken, wrong encoding, nested without end."""
    headers = service.world.bearer("city") | {"content-type": "application/json"}
    problem_of(await service.client.post("/v1/alerts/a1/acknowledge", content=body, headers=headers), 400)


async def test_nothing_of_a_request_is_parsed_before_its_key(service: Service) -> None:
    """A stranger's broken body is a stranger's request."""
    response = await service.client.post("/v1/alerts/a1/acknowledge", content=b"{")
    problem_of(response, 401)


async def test_security_headers_are_on_every_answer(service: Service) -> None:
    """Good or refused."""
    for path in ("/livez", "/v1/alerts", "/nothing", "/"):
        headers = (await service.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"


async def test_too_many_requests_at_once_are_503(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a time to try again, and liveness of the bound itself."""
    monkeypatch.setattr("service.api.gate.IN_FLIGHT_LIMIT", 0)
    response = await service.client.get("/livez")
    problem_of(response, 503)
    assert response.headers["retry-after"] == "1"
    monkeypatch.setattr("service.api.gate.IN_FLIGHT_LIMIT", 1)
    assert (await service.client.get("/livez")).status_code == 200


async def test_a_database_that_is_away_is_503_with_a_time_to_try_again() -> None:
    """Nothing listens there. The app starts all the same; liveness and the page do not need a database."""
    engine = make_engine("postgresql://nobody@127.0.0.1:9/none", name="test")
    app = create_app(SETTINGS, engine, VirtualClock(NOON.timestamp()))
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    try:
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://service") as client,
        ):
            key = {"Authorization": f"Bearer cuo_{'0' * 12}_{'A' * 43}"}
            for path in ("/v1/alerts", "/v1/alert-events", "/readyz", "/metrics"):
                response = await client.get(path, headers=key)
                problem_of(response, 503)
                assert int(response.headers["retry-after"]) > 0
            for path in ("/livez", "/"):
                assert (await client.get(path)).status_code == 200
    finally:
        await engine.dispose()


async def test_the_service_comes_back_with_its_database(service: Service) -> None:
    """All sessions cut: one 503 at most for each, then answers again; the feed's LISTEN connection too."""
    assert (await service.get("/v1/alerts", "city")).status_code == 200
    async with service.engine.begin() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    statuses = [(await service.get("/v1/alerts", "city")).status_code for _ in range(6)]
    assert set(statuses) <= {200, 503}
    assert statuses[-1] == 200
    start = await service.json("/v1/alert-events", "city")
    await add_alert(service.engine, "P1")
    page = await service.json("/v1/alert-events", "city", after=start["next"], wait=10)
    assert len(page["events"]) == 1


def test_examples_are_valid_answers() -> None:
    """Each example is what its schema says."""
    shown = 0
    for model in vars(schemas).values():
        if isinstance(model, type) and issubclass(model, BaseModel) and isinstance(model.model_config, dict):
            extra = model.model_config.get("json_schema_extra")
            if isinstance(extra, dict) and "json_schema_extra" in vars(model).get("model_config", {}):
                model.model_validate(extra["example"])
                shown += 1
    assert shown > 10


async def test_openapi_describes_every_route_of_the_api_with_an_example(service: Service) -> None:
    """Schemas, examples and problem documents."""
    document = await service.json("/v1/openapi.json", "auditor")
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    hidden = {("GET", "/"), ("GET", "/static/{name}"), ("GET", "/v1/openapi.json")}
    assert described == set(ACCESS) - hidden
    for path, item in document["paths"].items():
        for method, operation in item.items():
            good = operation["responses"]["200"]["content"]
            if path.endswith(".svg"):
                assert good["image/svg+xml"]["example"], (method, path)
            elif path != "/metrics":
                name = good["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
                assert "example" in document["components"]["schemas"][name], (method, path)
            for status, response in operation["responses"].items():
                if status not in ("200", "304"):  # 304 has no body
                    assert list(response["content"]) == ["application/problem+json"], (method, path, status)
            assert operation["description"], (method, path)
