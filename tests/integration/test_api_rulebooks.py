"""Rulebooks from outside: those that come with the software, and those that were applied."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.api import schemas_orders as schemas
from service.db.rulebooks import keep_rulebook
from service.db.sessions import writing
from service.plans.shipped import read_rulebook
from tests.integration.service_client import Service


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
