"""Who may do what: role x route x county, keys, and what the outside can see."""

import asyncio
import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import text
from starlette.routing import BaseRoute

from detectors.errors import InputError
from service.api.access import ACCESS, OPEN, GuardedRoute
from service.db.keys import AccessRole, create_key, digest_of, revoke_key
from tests.integration.service_client import ACK_BODY, Service, problem_of
from tests.integration.world import NOON, PLANTS, SETTINGS, add_alert, add_orders

PEPPER = SETTINGS.key_pepper.get_secret_value()
READ = {"city", "county", "operator", "auditor"}
WORK = {"city", "county", "operator"}
SCRAPE = {"metrics", "operator"}
EVERYONE = {role.value for role in AccessRole}

#: Method and path -> (address with a row of 新密市 in it, roles that may, whether a county bounds it).
MATRIX: dict[tuple[str, str], tuple[str, set[str], bool]] = {
    ("GET", "/"): ("/", EVERYONE, False),
    ("GET", "/static/{name}"): ("/static/console.js", EVERYONE, False),
    ("GET", "/livez"): ("/livez", EVERYONE, False),
    ("GET", "/readyz"): ("/readyz", EVERYONE, False),
    ("GET", "/metrics"): ("/metrics", SCRAPE, False),
    ("GET", "/v1/openapi.json"): ("/v1/openapi.json", READ, False),
    ("GET", "/v1/status"): ("/v1/status", READ, False),
    ("GET", "/v1/alert-events"): ("/v1/alert-events", READ, True),
    ("GET", "/v1/alerts"): ("/v1/alerts", READ, True),
    ("GET", "/v1/alerts/{alert_id}"): ("/v1/alerts/a1", READ, True),
    ("GET", "/v1/alerts/{alert_id}/evidence.svg"): ("/v1/alerts/a1/evidence.svg", READ, True),
    ("POST", "/v1/alerts/{alert_id}/acknowledge"): ("/v1/alerts/a1/acknowledge", WORK, True),
    ("GET", "/v1/plants"): ("/v1/plants", READ, True),
    ("GET", "/v1/plants/{plant_id}/orders"): ("/v1/plants/P1/orders?at=2017-11-16T04:00:00Z", READ, True),
    ("GET", "/v1/orders"): ("/v1/orders", READ, True),
    ("GET", "/v1/rulebooks"): ("/v1/rulebooks", READ, False),
    ("GET", "/v1/rulebooks/{rulebook_id}"): ("/v1/rulebooks/zhengzhou-2017", READ, False),
    ("GET", "/v1/scopes/{scope_id}/caps"): (
        "/v1/scopes/P1/caps?from=2017-11-16T00:00:00Z&to=2017-11-16T04:00:00Z",
        READ,
        True,
    ),
    ("GET", "/v1/scopes/{scope_id}/caps/explain"): ("/v1/scopes/P1/caps/explain", READ, True),
    ("GET", "/v1/scopes/{scope_id}/baselines"): ("/v1/scopes/P1/baselines", READ, True),
    ("GET", "/v1/scopes/{scope_id}/thresholds"): ("/v1/scopes/P1/thresholds", READ, True),
    ("GET", "/v1/scopes/{scope_id}/load"): (
        "/v1/scopes/P1/load?from=2017-11-16T00:00:00Z&to=2017-11-16T04:00:00Z",
        READ,
        True,
    ),
    ("GET", "/v1/scopes/{scope_id}/evidence.svg"): (
        "/v1/scopes/P1/evidence.svg?from=2017-11-16T00:00:00Z&to=2017-11-16T04:00:00Z",
        READ,
        True,
    ),
    ("GET", "/v1/days/{day}"): ("/v1/days/2017-11-16", READ, True),
    ("POST", "/v1/comparisons"): ("/v1/comparisons", {"city", "operator"}, False),
    ("GET", "/v1/audit/unlisted"): ("/v1/audit/unlisted?code=all", READ, True),
}
COMPARISON_BODY = {"scopes": ["P1"], "from": "2017-11-16T00:00:00+08:00", "to": "2017-11-17T00:00:00+08:00"}
OPEN_ROUTES = {key for key, roles in ACCESS.items() if roles is OPEN}


def routes_of(routes: list[BaseRoute]) -> set[tuple[str, str]]:
    """Every method and path that the app answers; anything that is not a guarded route is an error."""
    found = set()
    for route in routes:
        assert isinstance(route, GuardedRoute), f"{route} is not guarded"
        found |= {(method, route.path) for method in route.methods or ()}
    return found


async def test_every_route_is_in_the_matrix(service: Service) -> None:
    """A new route fails here until its roles are decided."""
    assert routes_of(service.app.routes) == set(MATRIX)
    assert set(ACCESS) == set(MATRIX)


def test_a_route_outside_the_table_cannot_be_built() -> None:
    """Deny by default: the app does not even start."""
    app = FastAPI(openapi_url=None)
    app.router.route_class = GuardedRoute
    with pytest.raises(KeyError):

        @app.get("/v1/secret")
        async def secret() -> None: ...

    assert not [route for route in app.routes if isinstance(route, APIRoute)]


async def call(service: Service, method: str, address: str, headers: dict[str, str]) -> Any:
    """One request of the matrix."""
    if method == "POST":
        body = COMPARISON_BODY if address.startswith("/v1/comparisons") else ACK_BODY
        return await service.client.post(address, json=body, headers=headers)
    return await service.client.get(address, headers=headers)


@pytest.mark.parametrize("key", sorted(MATRIX), ids=" ".join)
async def test_role_by_route(service: Service, key: tuple[str, str]) -> None:
    """Every role against every route: 200 or 403; nobody, a wrong key, a bad scheme: 401."""
    address, allowed, _ = MATRIX[key]
    await add_alert(service.engine, "P1", "a1")
    for role in AccessRole:
        who = "county:新密市" if role is AccessRole.COUNTY else role.value
        response = await call(service, key[0], address, service.world.bearer(who))
        if role.value in allowed:
            assert response.status_code in (200, 409), (role, response.text)  # 409: acknowledged by the role before
        else:
            problem_of(response, 403)
    real = service.world.keys["city"]
    strangers: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": f"Basic {real}"},
        {"Authorization": real},
        {"Authorization": f"Bearer {real[:-1]}"},
        {"Authorization": f"Bearer cuo_{'0' * 12}_{'A' * 43}"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer ' OR 1=1 --"},
    )
    for headers in strangers:
        response = await call(service, key[0], address, dict(headers))
        if key in OPEN_ROUTES:
            assert response.status_code == 200
        else:
            problem_of(response, 401)
            assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("key", sorted(k for k, row in MATRIX.items() if row[2]), ids=" ".join)
async def test_county_by_route(service: Service, key: tuple[str, str]) -> None:
    """A county sees its own rows and none of another's; one row asked for by id is 404, not 403."""
    address = MATRIX[key][0]
    await add_alert(service.engine, "P1", "a1")
    await add_alert(service.engine, "P3", "a3")
    await add_orders(service.engine)
    own = await call(service, key[0], address, service.world.bearer("county:新密市"))
    assert own.status_code == 200
    other = await call(service, key[0], address, service.world.bearer("county:登封市"))
    if "{" in key[1] and "{day}" not in key[1]:
        problem_of(other, 404)
    else:
        assert other.status_code == 200
        assert "新密市" not in other.text
        assert "登封市" in other.text
        assert "登封市" not in own.text
        path, _, query = address.partition("?")
        given = dict(parse_qsl(query))
        problem_of(await service.get(path, "county:登封市", county="新密市", **given), 404)
        asked = await service.get(path, "city", county="登封市", **given)
        assert "新密市" not in asked.text
        assert "登封市" in asked.text


async def test_an_alert_without_a_county_is_not_a_countys(service: Service) -> None:
    """A feed that is down belongs to no county: cities see it."""
    async with service.engine.begin() as connection:
        await connection.execute(text("UPDATE plants SET county = county"))
    await add_alert(service.engine, "P1", "a1", county=None, plant_id=None)
    assert [a["id"] for a in (await service.json("/v1/alerts", "city"))["alerts"]] == ["a1"]
    for county in sorted(set(PLANTS.values())):
        assert (await service.json("/v1/alerts", f"county:{county}"))["alerts"] == []
        await service.problem("/v1/alerts/a1", f"county:{county}", 404)


async def test_guessed_ids_across_counties_are_404(service: Service) -> None:
    """A thousand guesses, the existing ids of the other county among them: each looks the same."""
    await add_alert(service.engine, "P1", "a1")
    bodies = set()
    for guess in ("a1", "a2", "%00", "..%2f", "A1", *(f"{i:016x}" for i in range(50))):
        response = await service.get(f"/v1/alerts/{guess}", "county:登封市")
        assert response.status_code in (400, 404), guess
        if response.status_code == 404:
            bodies.add(response.json().get("detail"))
    assert bodies <= {"no such alert", None}


async def test_an_expired_key_is_401(service: Service) -> None:
    """Expiry is the database's own clock."""
    async with service.engine.begin() as connection:
        key = await create_key(
            connection, role=AccessRole.CITY, name="old", pepper=PEPPER, expires_at=NOON - timedelta(days=1)
        )
    response = await service.client.get("/v1/alerts", headers={"Authorization": f"Bearer {key}"})
    problem_of(response, 401)


async def test_a_revoked_key_ends_within_five_seconds(service: Service) -> None:
    """It is remembered for that long, and no longer."""
    headers = service.world.bearer("city")
    assert (await service.client.get("/v1/alerts", headers=headers)).status_code == 200
    async with service.engine.begin() as connection:
        assert await revoke_key(connection, service.world.keys["city"].split("_")[1])
    begun = time.monotonic()
    while (await service.client.get("/v1/alerts", headers=headers)).status_code == 200:
        assert time.monotonic() - begun < 5.5
        await asyncio.sleep(0.25)
    problem_of(await service.client.get("/v1/alerts", headers=headers), 401)
    async with service.engine.begin() as connection:
        assert not await revoke_key(connection, service.world.keys["city"].split("_")[1])


async def test_two_active_keys_of_one_holder_both_work(service: Service) -> None:
    """Rotation: the new one works before the old one ends."""
    async with service.engine.begin() as connection:
        second = await create_key(connection, role=AccessRole.CITY, name="city", pepper=PEPPER)
    for key in (second, service.world.keys["city"]):
        response = await service.client.get("/v1/alerts", headers={"Authorization": f"Bearer {key}"})
        assert response.status_code == 200


async def test_the_database_holds_no_key(service: Service) -> None:
    """Only the HMAC under the pepper; another pepper gives another."""
    key = service.world.keys["city"]
    async with service.engine.connect() as connection:
        rows = (await connection.execute(text("SELECT CAST(k AS text) FROM api_keys k"))).scalars().all()
        digests = (await connection.execute(text("SELECT digest FROM api_keys"))).scalars().all()
    secret = key.split("_", 2)[2]
    assert not any(secret in row for row in rows)
    assert digest_of(key, PEPPER) in [bytes(d) for d in digests]
    assert digest_of(key, "another") not in [bytes(d) for d in digests]
    assert len(secret) == 43  # 256 bits


async def test_a_county_key_needs_a_county_and_no_other_has_one(service: Service) -> None:
    """Refused at creation."""
    async with service.engine.begin() as connection:
        with pytest.raises(InputError):
            await create_key(connection, role=AccessRole.COUNTY, name="x", pepper=PEPPER)
        with pytest.raises(InputError):
            await create_key(connection, role=AccessRole.CITY, name="x", pepper=PEPPER, county="新密市")
