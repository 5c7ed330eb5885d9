"""Seeded fuzzing of every route that reads: a good answer or a problem document, never a 5xx."""

import random
from urllib.parse import quote

import pytest

from tests.integration.service_client import Service
from tests.integration.world import add_alert, add_orders

PATHS = [
    "/v1/alert-events", "/v1/alerts", "/v1/alerts/{}", "/v1/plants", "/v1/scopes/{}/load", "/v1/days/{}", "/v1/status",
    "/v1/audit/unlisted", "/v1/orders", "/v1/plants/{}/orders", "/v1/scopes/{}/caps", "/v1/scopes/{}/caps/explain",
    "/v1/alerts/{}/evidence.svg", "/v1/scopes/{}/evidence.svg", "/v1/scopes/{}/baselines", "/v1/scopes/{}/thresholds",
    "/v1/rulebooks", "/v1/rulebooks/{}",
    "/static/{}", "/v1/{}", "/{}",
]  # fmt: skip
NAMES = [
    "after", "limit", "county", "plant_id", "rule", "cursor", "scope_id", "grade", "condition", "evidence", "work",
    "order_id", "from", "to", "open", "code", "at", "control", "clause", "document", "level", "rulebook", "revisions",
    "version", "lang", "x",
]  # fmt: skip
VALUES = [
    "", "0", "1", "-1", "1000", "99999999999999999999", "1e5", "NaN", "true", "a1", "P1", "新密市", "stop_run", "stop",
    "all", "zhengzhou-2017",
    "firing", "2017-11-16", "2017-11-16T00:00:00+08:00", "2017-11-16T12:00:00Z", "2199-12-31T23:59:59-23:59",
    "2017-11-16T24:00:00Z", "1971-01-01T00:00:00+23:59", "' OR '1'='1", "%", "\\", "\x00", "\U0001f600", "a" * 300,
    "../../etc/passwd", "{}", "[]", "null", "AXk3", "A" * 88, "\u202e", "\x7f", "9999-12-31", "0001-01-01",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_no_question_is_answered_by_a_5xx(service: Service, seed: int) -> None:
    """300 questions each, valid and broken parts mixed, cursors of other lists among them."""
    await add_alert(service.engine, "P1", "a1")
    await add_orders(service.engine)
    issued = [
        (await service.json("/v1/plants", "city", limit=1))["next"],
        (await service.json("/v1/days/2017-11-16", "city", limit=1))["next"],
        (await service.json("/v1/alert-events", "city"))["next"],
        (await service.json("/v1/orders", "city", limit=1))["next"],
    ]
    dice = random.Random(seed)
    seen: dict[int, int] = {}
    for _ in range(300):
        values = VALUES + issued
        path = dice.choice(PATHS).format(quote(dice.choice(values), safe=""))
        pairs = [f"{dice.choice(NAMES)}={quote(dice.choice(values))}" for _ in range(dice.randrange(4))]
        address = path + ("?" + "&".join(pairs) if pairs else "")
        response = await service.client.get(address, headers=service.world.bearer("city"))
        seen[response.status_code] = seen.get(response.status_code, 0) + 1
        assert response.status_code < 500, address
        if response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json", address
    assert seen[200] > 5, seen
    assert seen[400] > 50, seen
    assert seen[404] > 20, seen
