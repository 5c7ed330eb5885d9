"""An acknowledgement beside an evaluation of the same alert: whoever comes second sees what the first one did."""

import asyncio

from service.db.alert_store import provisional_alerts, stored_alerts
from tests.integration.service_client import Service
from tests.integration.world import MIDNIGHT, NOON, add_alert, alert_document, publish_alert


async def test_evaluation_that_waited_for_an_acknowledgement_sees_it(service: Service) -> None:
    """It waits for the row's lock, and then finds the alert with its new work state, not none."""
    await add_alert(service.engine, "P1", "a1")
    async with service.engine.begin() as other:
        await publish_alert(other, alert_document("a1", "P1", work="acknowledged"), event="acknowledged")

        async def evaluate() -> tuple[str, object]:
            async with service.engine.begin() as connection:
                found = await stored_alerts(connection, ["P1"], MIDNIGHT)
                return found["a1"].work, found["a1"].published["work"]

        waiting = asyncio.create_task(evaluate())
        await asyncio.sleep(0.4)
        assert not waiting.done()
    assert await waiting == ("acknowledged", "acknowledged")


async def test_an_alert_that_is_being_acknowledged_is_left_for_the_next_look(service: Service) -> None:
    """Finality does not wait; it finds the alert, whole, the next time."""
    await add_alert(service.engine, "P1", "a1")
    async with service.engine.begin() as other:
        await publish_alert(other, alert_document("a1", "P1", work="acknowledged"), event="acknowledged")
        async with service.engine.begin() as connection:
            assert await provisional_alerts(connection, NOON, 10) == {}
    async with service.engine.begin() as connection:
        found = await provisional_alerts(connection, NOON, 10)
    assert found["a1"].published["work"] == "acknowledged"


async def test_an_acknowledgement_that_waited_for_an_evaluation_shows_what_it_found(service: Service) -> None:
    """The event carries the newest state of the alert, not the one before."""
    await add_alert(service.engine, "P1", "a1")
    async with service.engine.begin() as other:
        await publish_alert(other, alert_document("a1", "P1", peak_kw=777.0), event="updated")
        waiting = asyncio.create_task(service.acknowledge("a1", "city"))
        await asyncio.sleep(0.4)
        assert not waiting.done()
    answer = (await waiting).json()
    assert (answer["alert"]["peak_kw"], answer["alert"]["work"], answer["seq"]) == (777.0, "acknowledged", 3)
