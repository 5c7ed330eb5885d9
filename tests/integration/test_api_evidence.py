"""Pictures of evidence from outside: what they show, whose they are, and that an unchanged one is not sent again."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.integration.orders_world import DAY, local, with_orders
from tests.integration.service_client import Service
from tests.integration.world import JUDGED, add_alert, add_orders, set_progress

SVG = "{http://www.w3.org/2000/svg}"
MORNING = {"from": "2017-11-16T00:00:00+08:00", "to": "2017-11-16T12:00:00+08:00"}


async def drawn(service: Service, path: str, who: str = "city", **query: Any) -> str:
    """A picture that was answered, well-formed."""
    response = await service.get(path, who, **query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/svg+xml"
    assert ElementTree.fromstring(response.text).tag == f"{SVG}svg"
    return response.text


async def test_an_alert_is_drawn_with_its_marks_and_words(service: Service) -> None:
    """P1 runs from 02:00 to 04:00 under O1: name, rule, marks, sentence, cap and source stand in the picture."""
    await add_orders(service.engine)
    await add_alert(service.engine, "P1", "a1")
    zh = await drawn(service, "/v1/alerts/a1/evidence.svg")
    for told in (
        "示例&quot;P1&quot;水泥 · 停产期间运行 (stop_run)",
        "起始 02:00",
        "确认 02:45",
        "停产令 O1",
        "2017-11-16",
    ):
        assert told in zh, told
    assert "停产令期间负荷 400 kW,高于允许的 100 kW。" in zh
    assert "已判定至 2017-11-16 06:00" in zh
    assert "示例&quot;P1&quot;水泥 · running under a stop" in await drawn(
        service, "/v1/alerts/a1/evidence.svg", lang="en"
    )


async def test_silence_is_a_gap(service: Service) -> None:
    """P2 speaks until 10:00: its line ends there, and the rest of the morning is marked as missing."""
    svg = await drawn(service, "/v1/scopes/P2/evidence.svg", **MORNING)
    (path,) = [
        node.attrib["d"]
        for node in ElementTree.fromstring(svg).iter(f"{SVG}path")
        if node.attrib["stroke"] == "#12384c" and "h20" not in node.attrib["d"]
    ]
    assert path.count("M") == 1
    end = max(float(x) for x in re.findall(r"H([\d.]+)", path))
    assert end == pytest.approx(74 + (960 - 74 - 18) * 40 / JUDGED, abs=0.2)
    assert "缺数" in svg


async def test_a_picture_that_has_not_changed_is_not_sent_again(service: Service) -> None:
    """The tag follows what is drawn, not the clock; another language is another picture."""
    await add_alert(service.engine, "P1", "a1")
    first = await service.get("/v1/alerts/a1/evidence.svg", "city")
    tag = first.headers["etag"]
    async with service.engine.begin() as connection:
        await set_progress(connection, judged=JUDGED + 4, watermark=None)
    headers = {**service.world.bearer("city"), "If-None-Match": tag}
    again = await service.client.get("/v1/alerts/a1/evidence.svg", headers=headers)
    assert (again.status_code, again.text) == (304, "")
    other = await service.client.get("/v1/alerts/a1/evidence.svg?lang=en", headers=headers)
    assert other.status_code == 200
    await add_alert(service.engine, "P1", "a1", peak_kw=500.0, summary={"zh": "变了。", "en": "Changed."})
    assert (await service.client.get("/v1/alerts/a1/evidence.svg", headers=headers)).status_code == 200


async def test_a_scope_without_readings_and_ahead_of_time(service: Service) -> None:
    """Windows and caps of orders to come; nothing is measured, and nothing is drawn as if it were."""
    await with_orders(service)
    svg = await drawn(service, "/v1/scopes/Q1/evidence.svg", **{"from": local(DAY), "to": local(3 * DAY)}, lang="en")
    assert "not judged" in svg
    assert "stop A-stop" in svg
    assert "judged up to" not in svg


async def test_what_cannot_be_drawn_is_refused(service: Service) -> None:
    """Another county's, of a source, an empty or too long span, a third language."""
    await add_alert(service.engine, "P1", "a1")
    await add_alert(service.engine, "P1", "f1", rule="feed_down", scope_id="source:grid", plant_id=None, county=None)
    await service.problem("/v1/alerts/a1/evidence.svg", "county:登封市", 404)
    await service.problem("/v1/scopes/P1/evidence.svg", "county:登封市", 404, **MORNING)
    await service.problem("/v1/alerts/none/evidence.svg", "city", 404)
    refused = await service.problem("/v1/alerts/f1/evidence.svg", "city", 404)
    assert refused["detail"] == "this alert belongs to no scope: there is no load to draw"
    await service.problem("/v1/alerts/a1/evidence.svg", "city", 400, lang="fr")
    for begin, end in ((0, 32 * DAY), (0, 0), (DAY, 0), (0, 899)):
        span = {"from": local(begin), "to": local(end)}
        await service.problem("/v1/scopes/P1/evidence.svg", "city", 400, **span)
    await drawn(service, "/v1/scopes/P1/evidence.svg", **{"from": local(0), "to": local(31 * DAY)})
