"""Readers of the change feed over HTTP, each with habits of its own; what each saw is kept as a sum and a fold."""

import asyncio
import math
import mmap
import os
import random
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.bench.api import Client

WAIT_S = 5
MOST = 1000  # events of a page
_NUMBER = struct.Struct("<q")
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Habit:
    """least, most: events of a page, drawn anew each time. pause_s: between two pages. leaves: share of the requests
    whose answer it does not wait for; it comes back on another connection, with the cursor that it had."""

    least: int
    most: int
    pause_s: float = 0.0
    leaves: float = 0.0
    county: str | None = None


@dataclass(slots=True)
class Seen:
    """events: how many; total: sum of ``sum_of`` over them; fold: of each alert the last event; pages: answers;
    at_head: those that came to the end of the feed, so that the next one waits; returns: connections but the first."""

    county: str | None
    events: int = 0
    total: int = 0
    missed: int = 0
    twice: int = 0
    pages: int = 0
    at_head: int = 0
    returns: int = -1
    fold: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    scanned_to: int = 0

    def take(self, page: dict[str, Any]) -> None:
        """A page behind all the others."""
        self.pages += 1
        self.at_head += page["scanned_to_seq"] == page["head_seq"]
        before = self.scanned_to
        for event in page["events"]:
            seq, alert = event["seq"], event["alert"]
            if seq <= before:
                self.twice += 1
                self._tell(f"seq {seq} behind {before}")
            elif self.county is None and seq != before + 1:
                self.missed += seq - before - 1
                self._tell(f"seq {seq} follows {before}")
            elif self.county not in (None, alert["county"]):
                self._tell(f"seq {seq} is of {alert['county']}")
            before = max(before, seq)
            mark = int(alert["energy_over_kwh"])
            self.events += 1
            self.total += sum_of(seq, alert["id"], event["type"], mark)
            self.fold[alert["id"]] = (seq, alert["condition"], mark)
        if page["scanned_to_seq"] < before or page["scanned_to_seq"] > page["head_seq"]:
            self._tell(f"scanned to {page['scanned_to_seq']} of {page['head_seq']}, seen {before}")
        if self.county is None and page["scanned_to_seq"] != before:
            self.missed += abs(page["scanned_to_seq"] - before)
            self._tell(f"scanned to {page['scanned_to_seq']}, seen {before}")
        self.scanned_to = page["scanned_to_seq"]

    def _tell(self, what: str) -> None:
        if len(self.faults) < SHOWN:
            self.faults.append(what)


def sum_of(seq: int, alert_id: str, kind: str, mark: int) -> int:
    """A number that tells an event from every other."""
    return zlib.crc32(f"{seq} {alert_id} {kind} {mark}".encode())


class Places:
    """How far each reader has come: numbers in a file that processes share."""

    def __init__(self, path: Path, readers: int) -> None:
        size = readers * _NUMBER.size
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(file, size)
        self._numbers = mmap.mmap(file, size)
        os.close(file)

    def put(self, reader: int, seq: int) -> None:
        """A reader has come to a seq."""
        _NUMBER.pack_into(self._numbers, reader * _NUMBER.size, seq)

    def all(self) -> list[int]:
        """Of every reader."""
        return [n for (n,) in _NUMBER.iter_unpack(self._numbers[:])]


async def follow(habit: Habit, port: int, key: str, end: int, seed: str, places: Places, number: int) -> Seen:
    """Read until the event ``end``. Raises RuntimeError for an answer that is no page."""
    chance, seen, after = random.Random(seed), Seen(habit.county), None
    client: Client | None = None
    try:
        while seen.scanned_to < end:
            if client is None:
                seen.returns += 1
                client = await Client(port, key).__aenter__()
            limit = round(math.exp(chance.uniform(math.log(habit.least), math.log(habit.most))))
            if chance.random() < habit.leaves:
                await _leave(client, after, limit, chance.uniform(0.0, 0.05))
                client = None
                continue
            page = await client.page(after, limit=limit, wait_s=WAIT_S)
            seen.take(page)
            after = str(page["next"])
            places.put(number, seen.scanned_to)
            await asyncio.sleep(habit.pause_s)
    finally:
        if client is not None:
            await client.__aexit__(None, None, None)
    return seen


async def _leave(client: Client, after: str | None, limit: int, wait_s: float) -> None:
    """Ask, and go away before or while the answer comes."""
    query: dict[str, object] = {"limit": limit, "wait": WAIT_S} | ({} if after is None else {"after": after})
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await client.get(f"/v1/alert-events?{urlencode(query)}")
    await client.__aexit__(None, None, None)


def go(
    habits: dict[int, Habit], port: int, keys: dict[int, str], end: int, seed: int, places: Path, n: int
) -> list[Seen]:
    """One process of readers, by their numbers."""
    return asyncio.run(_all(habits, port, keys, end, seed, Places(places, n)))


async def _all(
    habits: dict[int, Habit], port: int, keys: dict[int, str], end: int, seed: int, places: Places
) -> list[Seen]:
    return await asyncio.gather(
        *(follow(habit, port, keys[i], end, f"reader {seed} {i}", places, i) for i, habit in habits.items())
    )
