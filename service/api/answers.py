"""How answers are written: fast JSON, times with the zone's offset."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from starlette.responses import Response

from service.api.parts import Parts
from service.db.health import Health
from service.db.scope_days_read import SlotView


def answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON; ``msgspec.Raw`` members go out as they were stored."""
    return Response(msgspec.json.encode(body), status, headers=dict(headers or {}), media_type="application/json")


def stored(text: str) -> msgspec.Raw:
    """JSON text from the database, not parsed again."""
    return msgspec.Raw(text.encode())


def instant(moment: datetime | float | None, zone: ZoneInfo) -> str | None:
    """RFC 3339 with the zone's offset; numbers are epoch seconds."""
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    return moment.astimezone(zone).isoformat()


def standing(parts: Parts, health: Health) -> dict[str, Any]:
    """The three members that keep an empty page from reading as "no violations"."""
    lag_s = health.ingest_lag_s(parts.clock.now())
    return {
        "data_as_of": instant(health.data_as_of(parts.settings.slot_s), parts.zone),
        "ingest_lag_s": None if lag_s is None else round(lag_s, 3),
        "degraded": bool(parts.health.faults(health)),
    }


def slot_document(view: SlotView, parts: Parts) -> dict[str, Any]:
    """A judged slot as the service shows it."""
    return {
        "slot_end": instant((view.slot + 1) * parts.settings.slot_s, parts.zone),
        "load_kw": view.load_kw,
        "coverage": view.coverage,
        "cap_kw": view.cap_kw,
        "verdict": view.verdict,
        "reasons": view.reasons,
        "order_id": view.order_id,
        "baseline_version": view.baseline_version,
    }


def empty_slot_document(slot: int, parts: Parts) -> dict[str, Any]:
    """A slot that is not judged yet, or lies before the first reading: everything is unknown."""
    names = ("load_kw", "coverage", "cap_kw", "verdict", "order_id", "baseline_version")
    return {"slot_end": instant((slot + 1) * parts.settings.slot_s, parts.zone), **dict.fromkeys(names), "reasons": []}
