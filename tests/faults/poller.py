"""An office that reads the change feed over HTTP all the while, and notes what it saw."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx2

PAGE = 100
WAIT_S = 5
RETRY_S = 0.2


@dataclass(slots=True, eq=False)
class Poller:
    """Follows the feed by its cursors. ``seen``: events by seq; ``faults``: what no reader may ever see."""

    address: str
    key: str
    county: str | None = None
    seen: dict[int, dict[str, Any]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    refusals: dict[int, int] = field(default_factory=dict)  # status codes that were no page; 0: no answer
    resynced_at: int = 0  # seq where it had to begin again
    pages: int = 0
    pause_s: float = 0.0  # a slow reader waits between pages
    limit: int = PAGE
    scanned_to: int = 0
    _after: str | None = None

    async def run(self) -> None:
        """Poll until cancelled."""
        async with httpx2.AsyncClient(base_url=self.address, timeout=WAIT_S + 15) as client:
            while True:
                await self._poll_once(client)
                await asyncio.sleep(self.pause_s)

    async def _poll_once(self, client: httpx2.AsyncClient) -> None:
        query: dict[str, Any] = {"limit": self.limit, "wait": WAIT_S if self.pages else 0}
        if self._after is not None:
            query["after"] = self._after
        try:
            answer = await client.get("/v1/alert-events", params=query, headers={"Authorization": f"Bearer {self.key}"})
        except httpx2.HTTPError:
            self.refusals[0] = self.refusals.get(0, 0) + 1
            await asyncio.sleep(RETRY_S)
            return
        if answer.status_code == 200:
            self._take(answer.json())
            return
        self.refusals[answer.status_code] = self.refusals.get(answer.status_code, 0) + 1
        if answer.status_code in (409, 410):
            self._after = answer.json()["resync"]["cursor"]
            self.scanned_to = answer.json()["resync"]["seq"]
            self.resynced_at = self.scanned_to
            self.seen = {}
        elif answer.status_code not in (401, 429, 503):
            self.faults.append(f"the feed answered {answer.status_code}: {answer.text[:200]}")
        await asyncio.sleep(RETRY_S)

    def _take(self, page: dict[str, Any]) -> None:
        self.pages += 1
        self._after = page["next"]
        for event in page["events"]:
            seq = event["seq"]
            if seq <= self.scanned_to or seq in self.seen:
                self.faults.append(f"seq {seq} came again behind {self.scanned_to}")
            self.seen[seq] = event
        if page["scanned_to_seq"] < self.scanned_to:
            self.faults.append(f"the feed went back from {self.scanned_to} to {page['scanned_to_seq']}")
        self.scanned_to = page["scanned_to_seq"]
