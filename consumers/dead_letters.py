"""Refused rows to the dead-letter topic: the record as it came, and why (FEED §4). At least once: the table is the
outbox, and an entry leaves it only after the broker has the record."""

import asyncio
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.kafka import Producer, TooLargeError
from consumers.ports import FeedError
from service.db import quarantine
from service.db.quarantine import Entry, State
from service.db.sessions import writing

LETTERS_AT_ONCE, BYTES_AT_ONCE = 500, 32_000_000
DELIVERY_TIMEOUT_S = 20.0
#: What is sent of a record that the broker does not take whole; all of it stays in the quarantine table.
CUT_BYTES = 100_000


async def deliver_dead_letters(engine: AsyncEngine, producer: Producer, topic: str) -> int:
    """Hand on some refused entries; how many. Raises ``FeedError`` when the broker does not take them."""
    async with writing(engine) as connection:
        entries = await quarantine.take_dead_letters(connection, LETTERS_AT_ONCE, BYTES_AT_ONCE)
        if not entries:
            return 0
        try:
            async with asyncio.timeout(DELIVERY_TIMEOUT_S):
                whole = await asyncio.gather(*(_deliver(producer, topic, entry) for entry in entries))
        except TimeoutError as error:
            raise FeedError("dead letters were not taken in time") from error
        numbers = [entry.number for entry, is_whole in zip(entries, whole, strict=True) if is_whole]
        cut = [entry.number for entry, is_whole in zip(entries, whole, strict=True) if not is_whole]
        await quarantine.bury(connection, numbers)
        await quarantine.settle_entries(connection, cut, State.DEAD)
    return len(entries)


async def _deliver(producer: Producer, topic: str, entry: Entry) -> bool:
    """Whether the broker took the record whole."""
    headers = [*entry.headers, *reasons(entry)]
    try:
        await producer.deliver(topic, entry.key, entry.value, headers)
    except TooLargeError:
        cut = (entry.value or b"")[:CUT_BYTES]
        await producer.deliver(topic, entry.key, cut, [*headers, ("err-truncated", b"true")])
        return False
    return True


def reasons(entry: Entry) -> list[tuple[str, bytes]]:
    """The headers that say why and where from."""
    moment = datetime.fromtimestamp(entry.record_ms / 1000, UTC).isoformat()
    return [
        ("err-code", entry.code.encode()),
        ("err-detail", entry.detail.encode()),
        ("err-row", entry.err_row.encode()),
        ("err-topic", entry.topic.encode()),
        ("err-partition", str(entry.part).encode()),
        ("err-offset", str(entry.offset).encode()),
        ("err-time", moment.encode()),
    ]
