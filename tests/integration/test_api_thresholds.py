"""``GET /v1/scopes/{id}/thresholds``: what a scope is tested by on a local day, who set it, who may see it."""

from detectors.registry import ALWAYS, FOREVER, Order, Registry, Threshold
from detectors.threshold_table import ThresholdTable
from detectors.thresholds import KINDS
from detectors.vocab import Control
from service.api.schemas_thresholds import EXAMPLE, ThresholdsAnswer
from service.db.registry import apply_registry
from service.db.sessions import writing
from tests.integration.service_client import Service
from tests.integration.world import NOON

PATH = "/v1/scopes/P1/thresholds"
HOUR, DAY = 3600, 86_400
NOON_S = int(NOON.timestamp())
ROWS = (
    Threshold("stop_run", "n_min", 30, "郑环攻坚办〔2017〕9号", "P1", NOON_S - 12 * HOUR, FOREVER, "王某"),
    Threshold("stop_run", "margin", 0.1, "whole city"),
    Threshold("stop_run", "margin", 0.2, "from noon on", "P1", NOON_S, NOON_S + 5 * DAY),
    Threshold("closing", "below_min", 60, "ended", None, ALWAYS, NOON_S - 13 * HOUR),
    Threshold("limit_day", "tolerance", 0.1, "another scope", "P2"),
)


def test_the_example_is_an_answer() -> None:
    assert ThresholdsAnswer.model_validate(EXAMPLE).model_dump(by_alias=True) == EXAMPLE


async def _set(service: Service) -> None:
    async with writing(service.engine) as connection:
        await apply_registry(connection, Registry(thresholds=ROWS), NOON.timestamp())


async def test_each_number_with_its_origin_on_a_day(service: Service) -> None:
    await _set(service)
    today = ThresholdsAnswer.model_validate(await service.json(PATH, "city"))
    assert today.date == NOON.date().isoformat()
    assert [(t.rule, t.name) for t in today.thresholds] == [(k.rule, k.name) for k in KINDS]
    found = {(t.rule, t.name): t for t in today.thresholds}
    assert (found["stop_run", "n_min"].value, found["stop_run", "n_min"].set_for) == (30, "scope")
    assert found["stop_run", "n_min"].from_ == NOON.replace(hour=0).isoformat()
    assert found["stop_run", "n_min"].approved_by == "王某"
    assert (found["stop_run", "margin"].value, found["stop_run", "margin"].origin) == (0.1, "whole city")
    assert {t.origin for t in today.thresholds if t.set_for is None} == {"SEMANTICS default"}
    assert sum(t.set_for is not None for t in today.thresholds) == 2

    tomorrow = await service.json(PATH, "county:新密市", at="2017-11-17T23:59:59+08:00")
    margin = next(t for t in tomorrow["thresholds"] if (t["rule"], t["name"]) == ("stop_run", "margin"))
    assert (tomorrow["date"], margin["value"], margin["set_for"]) == ("2017-11-17", 0.2, "scope")
    await service.problem(PATH, "county:登封市", 404)
    await service.problem("/v1/scopes/none/thresholds", "city", 404)


async def test_the_answer_is_what_the_judgement_looks_up(service: Service) -> None:
    await _set(service)
    table = ThresholdTable(ROWS, {"P1": 0, "P2": 1}, KINDS, "Asia/Shanghai")
    for days in range(-2, 9):
        at = NOON_S + days * DAY
        shown = await service.json(PATH, "city", at=NOON.fromtimestamp(at, NOON.tzinfo).isoformat())
        for told in shown["thresholds"]:
            assert (told["value"], told["origin"]) == table.of_scope(told["rule"], told["name"], 0, at)


async def test_an_answer_that_one_has_is_not_sent_again(service: Service) -> None:
    first = await service.get(PATH, "city")
    headers = {**service.world.bearer("city"), "If-None-Match": first.headers["ETag"]}
    assert (await service.client.get(PATH, headers=headers)).status_code == 304
    await _set(service)
    assert (await service.client.get(PATH, headers=headers)).status_code == 200


async def test_caps_are_explained_by_the_thresholds_of_their_day(service: Service) -> None:
    order = Order("X", "P1", Control.STOP, NOON_S - 2 * DAY, residual_kw=40.0, ramp_down_h=0.0)
    row = Threshold("stop_run", "margin", 0.25, "郑环攻坚办〔2017〕9号", None, NOON_S)
    async with writing(service.engine) as connection:
        await apply_registry(connection, Registry(orders=(order,), thresholds=(row,)), NOON.timestamp())

    async def said(days: int) -> tuple[float, str]:
        at = NOON.fromtimestamp(NOON_S + days * DAY, NOON.tzinfo).isoformat()
        body = await service.json("/v1/scopes/P1/caps/explain", "city", at=at)
        return body["cap_kw"], next(s["en"] for s in body["sentences"] if s["about"] == "cap")

    (before, words), (after, words_after) = await said(0), await said(1)
    assert after - 40 == (before - 40) * 5
    assert "margin 5% of R" in words
    assert "margin 25% (郑环攻坚办〔2017〕9号) of R" in words_after
