"""A small judged world for tests of the service: two counties, three plants, packed days, alerts and their events."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from detectors.days import PLAIN_SLOT
from detectors.vocab import Reason, Verdict
from service.db.feed import AlertEvent, publish
from service.db.heartbeats import Role, beat
from service.db.keys import AccessRole, create_key
from service.db.partitions import ensure_partitions
from service.settings import Settings

ZONE = ZoneInfo("Asia/Shanghai")
SLOT_S = 900
DAY = date(2017, 11, 16)
MIDNIGHT = datetime(2017, 11, 16, tzinfo=ZONE)
FIRST_SLOT = int(MIDNIGHT.timestamp()) // SLOT_S
#: 12:00: slots 0 to 47 of the day are judged.
NOON = datetime(2017, 11, 16, 12, tzinfo=ZONE)
JUDGED = 48
SETTINGS = Settings()
#: plant_id -> county; every plant has the scope of its own name.
PLANTS = {"P1": "新密市", "P2": "新密市", "P3": "登封市"}


@dataclass(slots=True)
class World:
    """Keys by name, and what was written."""

    keys: dict[str, str] = field(default_factory=dict)

    def bearer(self, name: str) -> dict[str, str]:
        """Headers of a caller."""
        return {"Authorization": f"Bearer {self.keys[name]}"}


def slot_end(slot: int) -> str:
    """End of a slot of the day, RFC 3339: slot 0 ends at 00:15."""
    return (MIDNIGHT + timedelta(seconds=(slot + 1) * SLOT_S)).isoformat()


def day_slots(*, load_kw: float, violating: Sequence[int] = (), silent: Sequence[int] = ()) -> bytes:
    """48 packed slots, up to noon: cap 100 kW, one meter, ``violating`` at 400 kW, ``silent`` without evidence."""
    slots = np.zeros(JUDGED, dtype=PLAIN_SLOT)
    slots["wh"] = int(load_kw * 250)
    slots["cap_kw"] = 100.0
    slots["meters"], slots["evidence"] = 1, 1
    slots["verdict"] = Verdict.COMPLIANT
    slots["order"], slots["baseline"] = 0, 0
    for i in violating:
        slots[i]["wh"], slots[i]["verdict"] = 100_000, Verdict.VIOLATING
    for i in silent:
        slots[i]["wh"], slots[i]["evidence"], slots[i]["missing"] = 0, 0, 1
        slots[i]["verdict"], slots[i]["reasons"] = Verdict.UNKNOWN, Reason.MISSING
    return slots.tobytes()


async def build_world(engine: AsyncEngine) -> World:
    """Registry, keys, cursors, ticks and days: P1 violates by night, P2 falls silent at 10:00, P3 is compliant."""
    world = World()
    async with engine.begin() as connection:
        await _registry(connection)
        await ensure_partitions(connection, DAY, DAY)
        curves = {
            "P1": day_slots(load_kw=80, violating=(*range(8, 16), 46, 47)),
            "P2": day_slots(load_kw=60, silent=range(40, 48)),
            "P3": day_slots(load_kw=40),
        }
        for plant, slots in curves.items():
            await write_day(connection, plant, slots)
        await set_progress(connection, judged=JUDGED, watermark=NOON)
        for role in AccessRole:
            counties = [None] if role is not AccessRole.COUNTY else sorted(set(PLANTS.values()))
            for county in counties:
                name = role.value if county is None else f"county:{county}"
                world.keys[name] = await create_key(
                    connection, role=role, name=name, county=county, pepper=SETTINGS.key_pepper.get_secret_value()
                )
    return world


async def _registry(connection: AsyncConnection) -> None:
    await connection.execute(text("INSERT INTO sources (source, delay_min) VALUES ('grid', 5)"))
    for plant, county in PLANTS.items():
        await connection.execute(
            text("INSERT INTO plants (plant_id, name, county, industry) VALUES (:id, :name, :county, '3011')"),
            {"id": plant, "name": f'示例"{plant}"水泥', "county": county},
        )
        await connection.execute(
            text("INSERT INTO scopes (scope_id, plant_id, name) VALUES (:id, :id, '全厂')"), {"id": plant}
        )
        await connection.execute(
            text(
                "INSERT INTO baselines (scope_id, version, valid_from, running_kw) VALUES (:id, '2017-10', :begin, 500)"
            ),
            {"id": plant, "begin": MIDNIGHT - timedelta(days=30)},
        )


async def write_day(connection: AsyncConnection, scope_id: str, slots: bytes) -> None:
    """Write or replace the day of a scope."""
    await connection.execute(
        text(
            "INSERT INTO scope_days (scope_no, day, first_slot, slot_s, as_of, verdict, reasons, order_id, order_ids,"
            " baseline_versions, energy_wh, cap_wh, coverage, violating_slots, slots)"
            " SELECT scope_no, :day, :first_slot, :slot_s, :as_of, :verdict, 0, 'O1', ARRAY['O1'], ARRAY['2017-10'],"
            " 960000, 2400000, 1, 10, :slots FROM scopes WHERE scope_id = :scope_id"
            " ON CONFLICT (scope_no, day) DO UPDATE SET slots = EXCLUDED.slots, revision = scope_days.revision + 1"
        ),
        {
            "day": DAY,
            "first_slot": FIRST_SLOT,
            "slot_s": SLOT_S,
            "as_of": NOON,
            "verdict": int(Verdict.VIOLATING if scope_id == "P1" else Verdict.COMPLIANT),
            "slots": slots,
            "scope_id": scope_id,
        },
    )


async def set_progress(
    connection: AsyncConnection, *, judged: int, watermark: datetime | None, stopped: str | None = None
) -> None:
    """How far the stream is: slots of the day that are judged, and the watermark of the only partition."""
    await connection.execute(
        text(
            "INSERT INTO ticks (source, next_slot) VALUES ('grid', :slot)"
            " ON CONFLICT (source) DO UPDATE SET next_slot = EXCLUDED.next_slot"
        ),
        {"slot": FIRST_SLOT + judged},
    )
    await connection.execute(
        text("INSERT INTO source_slots VALUES ('grid', :slot, 3, 3, 3, false) ON CONFLICT DO NOTHING"),
        {"slot": FIRST_SLOT},
    )
    await beat(connection, role=Role.EVALUATE, process="test", moved_ago_s=0, worked_ago_s=0, now_s=None)
    await connection.execute(
        text(
            "INSERT INTO cursors (topic, part, next_offset, end_offset, watermark, committed_at, stopped_reason)"
            " VALUES ('load.readings.v1', 0, 90, 100, :watermark, :watermark, :stopped) ON CONFLICT (topic, part)"
            " DO UPDATE SET watermark = EXCLUDED.watermark, stopped_reason = EXCLUDED.stopped_reason"
        ),
        {"watermark": watermark, "stopped": stopped},
    )


def alert_document(alert_id: str, plant: str, **changes: Any) -> dict[str, Any]:
    """An alert of CONTRACTS §4."""
    return {
        "id": alert_id,
        "scope_id": plant,
        "plant_id": plant,
        "county": PLANTS[plant],
        "rule": "stop_run",
        "grade": 2,
        "order_id": "O1",
        "order_revision": 1,
        "baseline_version": "2017-10",
        "condition": "firing",
        "evidence": "provisional",
        "work": "new",
        "first_slot_end": slot_end(8),
        "opened_at_slot_end": slot_end(10),
        "last_slot_end": slot_end(15),
        "peak_kw": 400.0,
        "cap_kw": 100.0,
        "energy_over_kwh": 600.0,
        "coverage": 1.0,
        "thresholds": {"over": 3, "of": 4},
        "summary": {
            "zh": "停产令期间负荷 400 kW,高于允许的 100 kW。",
            "en": "400 kW under a stop order that allows 100 kW.",
        },
        **changes,
    }


_COLUMNS = [
    "scope_id",
    "plant_id",
    "county",
    "rule",
    "grade",
    "order_id",
    "order_revision",
    "baseline_version",
    "condition",
    "evidence",
    "work",
    "peak_kw",
    "cap_kw",
    "energy_over_kwh",
    "coverage",
]


async def publish_alert(
    connection: AsyncConnection, alert: dict[str, Any], *, event: str = "opened", at: datetime = NOON
) -> int:
    """Write an alert's row as the evaluation does, and the event; seq of the event."""
    values = {name: alert[name] for name in _COLUMNS}
    values |= {name: datetime.fromisoformat(alert[name]) for name in _TIMES}
    names = [*values, "thresholds", "summary"]
    marks = [f":{n}" for n in values] + ["CAST(:thresholds AS jsonb)", "CAST(:summary AS jsonb)"]
    changes = ", ".join(f"{n} = EXCLUDED.{n}" for n in names)
    await connection.execute(
        text(
            f"INSERT INTO alerts (alert_id, last_seq, {', '.join(names)}) VALUES (:id, 0, {', '.join(marks)})"
            f" ON CONFLICT (alert_id) DO UPDATE SET revision = alerts.revision + 1, {changes}"
        ),
        {
            **values,
            "id": alert["id"],
            "thresholds": json.dumps(alert["thresholds"]),
            "summary": json.dumps(alert["summary"]),
        },
    )
    return await publish(connection, [AlertEvent(alert["id"], event, at, at, False, alert["county"], alert)])


_TIMES = ("first_slot_end", "opened_at_slot_end", "last_slot_end")


async def add_alert(engine: AsyncEngine, plant: str, alert_id: str | None = None, **changes: Any) -> dict[str, Any]:
    """Open an alert in a transaction of its own."""
    alert = alert_document(alert_id or uuid.uuid4().hex[:16], plant, **changes)
    async with engine.begin() as connection:
        await publish_alert(connection, alert)
    return alert


async def add_orders(engine: AsyncEngine) -> None:
    """A stop of P1 that allows 100 kW, O1, and one of P3, O3; both of the plan's season, without grace."""
    async with engine.begin() as connection:
        for order_id, scope_id in (("O1", "P1"), ("O3", "P3")):
            await connection.execute(
                text(
                    "INSERT INTO orders (order_id, scope_id, control, measure, revision, valid_from, valid_to,"
                    " residual_kw, ramp_down_h, document, clause)"
                    " VALUES (:id, :scope, 'stop', 'power', 1, :begin, :end, 75, 0, '郑政文〔2017〕210号', '三(一)1')"
                ),
                {"id": order_id, "scope": scope_id, "begin": MIDNIGHT, "end": MIDNIGHT + timedelta(days=120)},
            )


async def add_feed_health(connection: AsyncConnection) -> None:
    """An account and a source's evidence, as ingest and evaluation write them."""
    rows = [
        ("accepted", "", 900),
        ("duplicate", "", 50),
        ("rejected", "bad_value", 7),
        ("quarantined", "unknown_meter", 3),
    ]
    for outcome, code, count in rows:
        await connection.execute(
            text("INSERT INTO ingest_account VALUES ('grid', :hour, :outcome, :code, :count)"),
            {"hour": NOON - timedelta(hours=1), "outcome": outcome, "code": code, "count": count},
        )
    await connection.execute(
        text("INSERT INTO source_slots VALUES ('grid', :slot, 3, 2, 3, false), ('grid', :before, 3, 0, 3, true)"),
        {"slot": FIRST_SLOT + JUDGED - 1, "before": FIRST_SLOT + JUDGED - 2},
    )
