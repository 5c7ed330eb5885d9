"""The page in a real Chromium: alerts as they come, a curve with its gaps, acknowledging, two languages."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, async_playwright, expect
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.api import create_app
from service.clock import VirtualClock
from service.settings import Settings
from tests.integration.served import served
from tests.integration.world import MIDNIGHT, NOON, World, add_alert, add_orders, build_world, slot_end

pytestmark = pytest.mark.chromium
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-default-apps", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
]  # fmt: skip


@asynccontextmanager
async def opened(engine: AsyncEngine, *, demo: bool = True) -> AsyncIterator[tuple[Page, World, str]]:
    """A page of a new browser, the world behind it, the service's address. Nothing else may be asked."""
    world = await build_world(engine)
    app = create_app(Settings(demo=demo), engine, VirtualClock(NOON.timestamp() + 10))
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    async with served(app) as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1360, "height": 860}, locale="zh-CN")
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_default_timeout(10_000)
        yield page, world, address
        await browser.close()
        assert asked
        assert [url for url in asked if not url.startswith((address, "data:"))] == []
        assert [text for text in complaints if "status of 401" not in text and "status of 412" not in text] == []


async def test_the_page_asks_for_a_key_and_refuses_a_wrong_one(engine: AsyncEngine) -> None:
    """Nothing is shown without one; the right one opens the page and is kept in this tab only."""
    async with opened(engine) as (page, world, address):
        await page.goto(address)
        await expect(page.locator("#ask")).to_be_visible()
        await expect(page.locator("#work")).to_be_hidden()
        await page.fill("#ask-key", "cuo_000000000000_" + "A" * 43)
        await page.click("#ask-form button")
        await expect(page.locator("#ask-refused")).to_have_text("密钥无效、已过期或无权查看。")
        await page.fill("#ask-key", world.keys["city"])
        await page.click("#ask-form button")
        await expect(page.locator("#count-plants")).to_have_text("3")
        assert await page.evaluate("localStorage.length") == 0
        await page.reload()
        await expect(page.locator("#count-plants")).to_have_text("3")
        await page.click("#forget")
        await expect(page.locator("#ask")).to_be_visible()
        assert await page.evaluate("sessionStorage.getItem('cuofeng.key')") is None


async def test_a_link_with_the_key_opens_the_page_and_hides_it(engine: AsyncEngine) -> None:
    """The demo prints one link; the key does not stay in the address."""
    async with opened(engine) as (page, world, address):
        await page.goto(f"{address}/#key={world.keys['city']}")
        await expect(page.locator("#count-plants")).to_have_text("3")
        assert page.url == f"{address}/"
        await expect(page.locator(".demo")).to_have_text("演示数据")
        await expect(page.locator("#standing")).to_contain_text("数据截至 2017-11-16 12:00")
        await expect(page.locator("#standing")).to_contain_text("数据正常")


async def test_without_the_demo_nothing_is_marked_as_one(engine: AsyncEngine) -> None:
    """Real data is not called demonstration data."""
    async with opened(engine, demo=False) as (page, world, address):
        await page.goto(f"{address}/#key={world.keys['city']}")
        await expect(page.locator("#count-plants")).to_have_text("3")
        await expect(page.locator(".demo")).to_have_count(0)


async def test_alerts_appear_as_they_come_and_change(engine: AsyncEngine) -> None:
    """Opened, closed, retracted: without a reload."""
    async with opened(engine) as (page, world, address):
        await page.goto(f"{address}/#key={world.keys['city']}")
        await expect(page.locator("#alerts .empty")).to_be_visible()
        await add_alert(engine, "P1", "a1")
        await expect(page.locator("#alerts li[data-alert=a1]")).to_contain_text('示例"P1"水泥')
        await add_alert(engine, "P3", "a3", grade=1, rule="limit_pace")
        await expect(page.locator("#alerts li")).to_have_count(2)
        await expect(page.locator("#alerts li").first).to_have_attribute("data-alert", "a3")
        await add_alert(engine, "P1", "a1", condition="closed")
        await expect(page.locator("#alerts li")).to_have_count(1)
        await page.uncheck("#open-only")
        await expect(page.locator("#alerts li[data-alert=a1] .pill")).to_have_text("已关闭")


async def test_a_county_sees_its_own(engine: AsyncEngine) -> None:
    """The page shows what the key may read."""
    async with opened(engine) as (page, world, address):
        await add_alert(engine, "P1", "a1")
        await page.goto(f"{address}/#key={world.keys['county:登封市']}")
        await add_alert(engine, "P3", "a3")
        await expect(page.locator("#alerts li[data-alert=a3]")).to_be_visible()
        await expect(page.locator("#alerts li[data-alert=a1]")).to_have_count(0)
        await expect(page.locator("#count-plants")).to_have_text("1")


async def test_a_curve_shows_gaps_as_gaps(engine: AsyncEngine) -> None:
    """P2 spoke until 10:00: the line ends there, what follows is a band of unknown slots, and nothing is drawn at 0."""
    async with opened(engine) as (page, world, address):
        await page.goto(f"{address}/#key={world.keys['city']}")
        await page.click("#tab-plants")
        await page.click("#plants li[data-plant=P2]")
        await expect(page.locator("#curve path.load")).to_have_count(1)
        await expect(page.locator("#curve path.cap")).to_have_count(1)
        await expect(page.locator("#curve path.baseline")).to_have_count(1)
        shape = await page.evaluate(
            """() => {
              const box = (q) => { const b = document.querySelector(q).getBBox(); return [b.x, b.x + b.width, b.y]; };
              return {load: box('#curve path.load'), gap: box('#curve .band.unknown'), cap: box('#curve path.cap')};
            }"""
        )
        assert shape["load"][1] <= shape["gap"][0]  # the line is over before the band begins
        assert shape["gap"][1] == pytest.approx(shape["cap"][1])  # the band reaches the last judged slot
        bands = await page.locator("#curve .band").evaluate_all("all => all.map(b => b.dataset.verdict)")
        assert bands == ["compliant", "unknown"]


async def test_an_alert_is_read_and_acknowledged(engine: AsyncEngine, tmp_path: Path) -> None:
    """Summary, facts, its span on the curve; then who and why; the event is published."""
    async with opened(engine) as (page, world, address):
        await add_alert(engine, "P1", "a1")
        await page.goto(f"{address}/#key={world.keys['city']}")
        await page.click("#alerts li[data-alert=a1]")
        await expect(page.locator("#alert .summary")).to_have_text("停产令期间负荷 400 kW,高于允许的 100 kW。")
        await expect(page.locator("#alert .evidence img")).to_be_visible()
        assert await page.locator("#alert .evidence img").evaluate("image => image.naturalWidth") == 960
        await expect(page.locator("#curve .band.violating")).to_have_count(1)
        await expect(page.locator("#curve rect.span")).to_have_count(1)
        await page.screenshot(path=tmp_path / "alert.png")
        await page.fill("#alert input[name=actor]", "王工")
        await page.fill("#alert input[name=reason]", "已派人")
        await page.click("#alert form button")
        await expect(page.locator("#alert form")).to_have_count(0)
        await expect(page.locator("#alert .history")).to_contain_text("王工: 已派人")
        await expect(page.locator("#alerts li[data-alert=a1]")).to_contain_text("已签收")


async def test_an_alert_that_changed_meanwhile_is_not_acknowledged_blindly(engine: AsyncEngine) -> None:
    """If-Match: the state that was not seen is shown first. The page's own look at the change is held back."""
    async with opened(engine) as (page, world, address):
        await add_alert(engine, "P1", "a1")
        await page.goto(f"{address}/#key={world.keys['city']}")
        await page.click("#alerts li[data-alert=a1]")
        await page.fill("#alert input[name=actor]", "王工")
        await page.fill("#alert input[name=reason]", "已派人")
        held: list[Route] = []
        await page.route("**/v1/alert-events**", lambda route: held.append(route))
        await page.wait_for_timeout(5500)  # the poll that was under way ends; the next one is held
        assert held
        await add_alert(engine, "P1", "a1", peak_kw=999.5, last_slot_end=slot_end(47))
        await page.click("#alert form button")
        await expect(page.locator("#alert .said")).to_have_text("告警已变化,请查看后重试")
        await expect(page.locator("#alert")).to_contain_text("999.5 kW")
        await expect(page.locator("#alert form")).to_have_count(1)
        await page.unroute_all(behavior="ignoreErrors")


async def test_the_page_speaks_english_too(engine: AsyncEngine) -> None:
    """Words, codes and the alert's own sentence; the choice is kept."""
    async with opened(engine) as (page, world, address):
        await add_alert(engine, "P1", "a1")
        await page.goto(f"{address}/#key={world.keys['city']}")
        await page.click("#alerts li[data-alert=a1]")
        await page.click("#language")
        await expect(page.locator("#tab-alerts")).to_contain_text("Alerts")
        await expect(page.locator("#alert .summary")).to_have_text("400 kW under a stop order that allows 100 kW.")
        await expect(page.locator("#alert .evidence a")).to_have_text("Save this picture")
        assert "lang%3D%22en%22" in str(await page.locator("#alert .evidence img").get_attribute("src"))
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        assert (
            await page.locator("[data-word]").evaluate_all("all => all.filter(e => e.dataset.word === e.textContent)")
            == []
        )
        await page.reload()
        await expect(page.locator("#tab-plants")).to_contain_text("Plants")


async def exempt(engine: AsyncEngine) -> None:
    """An exemption of P1 with a cap, from 11:00 on."""
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO exemptions (scope_id, valid_from, max_kw, reason, approved_by, document)"
                " VALUES ('P1', :begin, 150, '保温', '市政府', '批1号')"
            ),
            {"begin": MIDNIGHT.replace(hour=11)},
        )


async def test_a_plants_page_shows_its_orders_and_why(engine: AsyncEngine, tmp_path: Path) -> None:
    """Order, document, clause and state now; the reasons of the cap on demand, in both languages."""
    async with opened(engine) as (page, world, address):
        await add_orders(engine)
        await exempt(engine)
        await page.goto(f"{address}/#key={world.keys['city']}")
        await page.click("#tab-plants")
        await page.click("#plants li[data-plant=P1]")
        row = page.locator("#plant-orders tr[data-order=O1]")
        await expect(row).to_have_attribute("data-state", "takes")
        for words in ("执行中", "停产", "保安负荷 75 kW", "郑政文〔2017〕210号", "三(一)1", "150 kW", "市政府, 批1号"):
            await expect(row).to_contain_text(words)
        await expect(page.locator("#curve path.cap")).to_have_count(1)
        await expect(page.locator("#explanation")).to_be_hidden()
        await page.click("#plant-orders button[data-explain=P1]")
        await expect(page.locator("#explanation li.state")).to_contain_text("允许负荷 150 kW")
        await expect(page.locator("#explanation li.cap")).to_contain_text(
            "保安负荷 75 kW + 余量 5% × R = 25 kW，合计 100 kW"
        )
        await expect(page.locator("#explanation li.exemption")).to_contain_text("批准人 市政府，文件 批1号")
        await page.screenshot(path=tmp_path / "orders.png", full_page=True)
        await page.click("#language")
        await expect(page.locator("#explanation li.cap")).to_contain_text("residual load of the order 75 kW")
        await expect(row).to_contain_text("in force")
        await page.screenshot(path=tmp_path / "orders-en.png", full_page=True)
        await page.click("#plants li[data-plant=P2]")
        await expect(page.locator("#plant-orders")).to_contain_text("no orders")
        await expect(page.locator("#explanation")).to_be_hidden()


async def test_the_reasons_of_any_slot_are_reached_by_keys_alone(engine: AsyncEngine) -> None:
    """The button of a scope, and the curve: arrows move, Enter asks; closing gives the focus back."""
    async with opened(engine) as (page, world, address):
        await add_orders(engine)
        await exempt(engine)
        await page.goto(f"{address}/#key={world.keys['city']}")
        await page.click("#tab-plants")
        await page.locator("#plants li[data-plant=P1]").press("Enter")
        await page.locator("#plant-orders button[data-explain=P1]").press("Enter")
        await expect(page.locator("#explanation h4")).to_be_focused()
        await page.locator("#explanation button").press("Enter")
        await expect(page.locator("#plant-orders button[data-explain=P1]")).to_be_focused()
        curve = page.locator("#curve svg")
        await curve.focus()
        await page.keyboard.press("End")
        await expect(page.locator("#curve .tip")).to_contain_text("11-16 12:00")
        for _ in range(5):
            await page.keyboard.press("ArrowLeft")
        await page.keyboard.press("Enter")
        await expect(page.locator("#explanation li.state")).to_contain_text("10:30 至 10:45：允许负荷 100 kW")
        await page.locator("#explanation button").press("Enter")
        await expect(page.locator("#explanation")).to_be_hidden()
        await curve.click(position={"x": 700, "y": 150})
        await expect(page.locator("#explanation li.order")).to_contain_text("三(一)1")
