"""Answers as the OpenAPI document shows them; tests hold them to the schemas."""

from typing import Any

ALERT: dict[str, Any] = {
    "id": "9f2c61d0a7b34e55",
    "scope_id": "P-0107",
    "plant_id": "P-0107",
    "county": "新密市",
    "rule": "stop_run",
    "grade": 2,
    "order_id": "郑环攻坚〔2017〕210-17",
    "order_revision": 1,
    "baseline_version": "2017-10",
    "condition": "firing",
    "evidence": "provisional",
    "work": "new",
    "first_slot_end": "2017-11-16T22:15:00+08:00",
    "opened_at_slot_end": "2017-11-16T22:45:00+08:00",
    "last_slot_end": "2017-11-17T02:30:00+08:00",
    "peak_kw": 812.4,
    "cap_kw": 95.0,
    "energy_over_kwh": 2540.2,
    "coverage": 1.0,
    "thresholds": {
        "n_min": 30,
        "m_min": 60,
        "margin": 0.05,
        "unknown_low": 0.15,
        "unknown_high": 0.5,
        "below_min": 30,
        "below_share": 0.95,
        "tolerance": 0,
        "origin": "SEMANTICS default",
        "origins": {"n_min": "郑环攻坚办〔2017〕9号"},
    },
    "summary": {
        "zh": "停产令期间负荷 812 kW,高于允许的 95 kW,自 22:00 起。",
        "en": "812 kW under a stop order that allows 95 kW, since 22:00.",
    },
}
STANDING: dict[str, Any] = {"data_as_of": "2017-11-17T02:30:00+08:00", "ingest_lag_s": 3.1, "degraded": False}
SLOT: dict[str, Any] = {
    "slot_end": "2017-11-17T02:30:00+08:00",
    "load_kw": 812.4,
    "coverage": 1.0,
    "cap_kw": 95.0,
    "verdict": "violating",
    "reasons": [],
    "order_id": "郑环攻坚〔2017〕210-17",
    "baseline_version": "2017-10",
}
FEED: dict[str, Any] = {
    "events": [
        {
            "seq": 17,
            "type": "opened",
            "occurred_at": "2017-11-16T22:45:00+08:00",
            "backfill": False,
            "alert": ALERT,
        }
    ],
    "next": "AXk3…",
    "scanned_to_seq": 17,
    "head_seq": 17,
    "has_more": False,
    **STANDING,
}
ALERT_DETAIL: dict[str, Any] = {
    "alert": ALERT,
    "events": [
        {
            "seq": 17,
            "type": "opened",
            "occurred_at": "2017-11-16T22:45:00+08:00",
            "published_at": "2017-11-16T22:50:01+08:00",
            "backfill": False,
            "actor": None,
            "reason": None,
            "alert": ALERT,
        }
    ],
    "series": [SLOT],
    "series_is_cut": False,
}
PLANTS: dict[str, Any] = {
    "plants": [
        {
            "plant_id": "P-0107",
            "name": "示例水泥有限公司",
            "county": "新密市",
            "industry": "3011",
            "contract_kw": 2000.0,
            "lon": None,
            "lat": None,
            "open_alerts": ["9f2c61d0a7b34e55"],
            "leading_alert": "9f2c61d0a7b34e55",
            "scopes": [{"scope_id": "P-0107", "name": "全厂", "kind": "plant", "current": SLOT}],
        }
    ],
    "next": None,
    **STANDING,
}
LOAD: dict[str, Any] = {
    "scope_id": "P-0107",
    "plant_id": "P-0107",
    "county": "新密市",
    "slot_s": 900,
    "from": "2017-11-17T02:15:00+08:00",
    "to": "2017-11-17T02:30:00+08:00",
    "slots": [{**SLOT, "baseline_kw": 1180.0}],
    **STANDING,
}
DAYS: dict[str, Any] = {
    "date": "2017-11-16",
    "days": [
        {
            "scope_id": "P-0107",
            "plant_id": "P-0107",
            "county": "新密市",
            "date": "2017-11-16",
            "energy_kwh": 4210.5,
            "cap_kwh": 2280.0,
            "coverage": 1.0,
            "verdict": "violating",
            "reasons": [],
            "order_id": "郑环攻坚〔2017〕210-17",
            "violating_hours": 1.75,
            "as_of": "2017-11-17T02:35:00+08:00",
            "revision": 12,
        }
    ],
    "next": None,
    **STANDING,
}
STATUS: dict[str, Any] = {
    **STANDING,
    "now": "2017-11-17T02:36:02+08:00",
    "faults": [],
    "processes": [
        {"role": "evaluate", "process": "node1-4711", "heard_ago_s": 3.4, "moved_ago_s": 3.5},
        {"role": "ingest", "process": "node1-4712", "heard_ago_s": 1.2, "moved_ago_s": 1.9},
    ],
    "partitions": [
        {
            "topic": "load.readings.v1",
            "partition": 0,
            "next_offset": 81231,
            "lag_records": 0,
            "watermark": "2017-11-17T02:35:59+08:00",
            "committed_at": "2017-11-17T02:35:59+08:00",
            "stopped_reason": None,
        }
    ],
}
