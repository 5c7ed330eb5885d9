"""``GET /v1/scopes/{id}/baselines``: versions, how they were found, who may see them."""

from datetime import date

import numpy as np

from detectors.registry import Registry
from service.api.schemas_baselines import EXAMPLE, BaselinesAnswer
from service.baselines.fits import fit_scopes
from service.baselines.proposals import approve, propose
from service.baselines.reference import Period, Reference
from service.db.registry_load import load_rows
from service.db.sessions import writing
from tests.integration.service_client import Service
from tests.integration.world import NOON

PATH = "/v1/scopes/P1/baselines"
PERIOD = Period(date(2017, 9, 1), date(2017, 10, 1))


def test_the_example_is_an_answer() -> None:
    assert BaselinesAnswer.model_validate(EXAMPLE).model_dump(by_alias=True) == EXAMPLE


async def fitted(service: Service, version: str, level_kw: float, valid_from: int) -> Registry:
    """Propose a fit of a plant that works by day."""
    day = np.where((np.arange(96) >= 32) & (np.arange(96) < 80), level_kw, 20.0)
    shaped = day + np.tile([0.0, 0.5, 1.0], 32)
    async with writing(service.engine) as connection:
        registry = (await load_rows(connection)).registry
        loads = [shaped if d.weekday() < 6 else np.full(96, np.nan) for d in PERIOD.days()]
        fits = fit_scopes(
            Reference(registry),
            [("P1", loads)],
            PERIOD,
            slot_s=900,
            method="mean",
            version=version,
            valid_from=valid_from,
        )
        await propose(connection, fits, registry, NOON.timestamp())
    return registry


async def test_versions_given_by_hand_proposed_and_approved(service: Service) -> None:
    begin = int(NOON.timestamp())
    await fitted(service, "V1", 400.0, begin)
    body = await service.json(PATH, "city")
    answer = BaselinesAnswer.model_validate(body)
    assert [(b.version, b.state, b.approved_by) for b in answer.baselines] == [
        ("2017-10", "by_hand", None),
        ("V1", "proposed", None),
    ]
    async with writing(service.engine) as connection:
        await approve(connection, "V1", None, by="王某", document="D1", now=begin, slot_s=900)
    hand, fit = BaselinesAnswer.model_validate(await service.json(PATH, "city")).baselines
    assert hand.to == fit.from_ == NOON.isoformat()
    assert hand.fit is None
    assert (fit.state, fit.approved_by, fit.document) == ("approved", "王某", "D1")
    assert fit.approved_at == NOON.isoformat()
    assert fit.rows[0].running_kw == 400.5
    assert fit.fit is not None
    assert len(fit.fit.days_used) == 26
    assert {(d.reason, d.en) for d in fit.fit.days_dropped} == {("coverage", "too little data")}
    assert fit.fit.explanation.zh != fit.fit.explanation.en

    only = await service.json(PATH, "county:新密市", version="V1")
    assert [b["version"] for b in only["baselines"]] == ["V1"]
    await service.problem(PATH, "county:登封市", 404)
    await service.problem("/v1/scopes/none/baselines", "city", 404)


async def test_an_answer_that_one_has_is_not_sent_again(service: Service) -> None:
    first = await service.get(PATH, "city")
    headers = {**service.world.bearer("city"), "If-None-Match": first.headers["ETag"]}
    assert (await service.client.get(PATH, headers=headers)).status_code == 304
    await fitted(service, "V1", 400.0, int(NOON.timestamp()))
    assert (await service.client.get(PATH, headers=headers)).status_code == 200
