"""Replay of readings files through Kafka: the same path as the grid company's stream."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from consumers.file_messages import FileMessages
from consumers.kafka import Producer, TooLargeError

CONTENT_TYPE = "application/vnd.load.reading.v1+json"
HEADERS = [("content-type", CONTENT_TYPE.encode())]
#: Messages that are under way at once.
WINDOW = 5_000
#: With a speed: messages whose times lie within this many real seconds go out together.
TICK_S = 0.05


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was sent. too_large: the broker or the producer refused the record's size."""

    sent: int
    too_large: int
    first_ms: int | None  # Kafka timestamps of the first and last record
    last_ms: int | None


async def replay(
    producer: Producer,
    topic: str,
    messages: FileMessages,
    *,
    speed: float = 0.0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Replayed:
    """Send the messages in their order; done when the broker has all of them.

    speed: times as fast as they were collected, 0 = as fast as possible. on_progress: called with the number of
    messages that the broker has and the timestamp of the last of them, epoch milliseconds. Raises FeedError.
    """
    stamps = messages.stamps_ms
    loop = asyncio.get_running_loop()
    began = loop.time()
    done, too_large = 0, 0
    while done < len(messages):
        until = min(done + WINDOW, len(messages))
        if speed > 0:
            due_s = (int(stamps[done]) - int(stamps[0])) / 1000 / speed
            await asyncio.sleep(max(0.0, began + due_s - loop.time()))
            now_ms = int(stamps[0]) + (loop.time() - began + TICK_S) * 1000 * speed
            until = min(until, max(done + 1, int(np.searchsorted(stamps, now_ms, side="right"))))
        too_large += await send_span(producer, topic, messages, done, until)
        done = until
        if on_progress is not None:
            on_progress(done, int(stamps[done - 1]))
    return Replayed(
        sent=done - too_large,
        too_large=too_large,
        first_ms=int(stamps[0]) if done else None,
        last_ms=int(stamps[-1]) if done else None,
    )


async def send_span(producer: Producer, topic: str, messages: FileMessages, first: int, last: int) -> int:
    """Send the messages first..last-1 and wait until the broker has them. Returns how many were too large to send."""
    waiting = []
    too_large = 0
    for message in messages.build(first, last):
        try:
            sent = await producer.send(topic, message.key, message.body, HEADERS, timestamp_ms=message.timestamp_ms)
        except TooLargeError:
            too_large += 1
        else:
            waiting.append(sent)
    await asyncio.gather(*waiting)
    return too_large
