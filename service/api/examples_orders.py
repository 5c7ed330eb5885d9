"""Answers about orders, caps and rulebooks as the OpenAPI document shows them; tests hold them to the schemas."""

from typing import Any

_ORDER_ID = "郑政文〔2017〕210号-stop-3-P-0107"
ORDER: dict[str, Any] = {
    "order_id": _ORDER_ID,
    "revision": 1,
    "scope_id": "P-0107",
    "control": "stop",
    "measure": "power",
    "from": "2017-11-15T00:00:00+08:00",
    "to": "2018-03-16T00:00:00+08:00",
    "daily_from": None,
    "daily_to": None,
    "reduction": None,
    "cap_kw": None,
    "units_allowed": None,
    "residual_kw": 36.0,
    "ramp_down_h": 48.0,
    "document": "郑政文〔2017〕210号",
    "clause": "三(一)3",
    "level": None,
    "rulebook": "zhengzhou-2017",
    "is_withdrawn": False,
}
EXEMPTION: dict[str, Any] = {
    "order_id": _ORDER_ID,
    "from": "2017-12-01T00:00:00+08:00",
    "to": "2017-12-03T00:00:00+08:00",
    "max_kw": 120.0,
    "reason": "窑炉保温",
    "approved_by": "郑州市人民政府",
    "document": "郑政批〔2017〕31号",
}
ORDERS: dict[str, Any] = {
    "orders": [
        {
            **ORDER,
            "is_latest": True,
            "plant": {"plant_id": "P-0107", "name": "示例建材有限公司", "county": "新密市"},
            "scope": {"scope_id": "P-0107", "name": "全厂", "kind": "plant"},
            "exemptions": [EXEMPTION],
        }
    ],
    "next": None,
}
ORDER_AT: dict[str, Any] = {
    "state": "takes",
    "cap_kw": 95.0,
    "day_cap_kwh": None,
    "grace_to": "2017-11-17T00:00:00+08:00",
    "units_allowed": None,
    "units_total": None,
    "missing": [],
    "order": ORDER,
    "exemptions": [EXEMPTION],
}
PLANT_ORDERS: dict[str, Any] = {
    "plant_id": "P-0107",
    "name": "示例建材有限公司",
    "county": "新密市",
    "slot_from": "2017-11-20T22:00:00+08:00",
    "slot_to": "2017-11-20T22:15:00+08:00",
    "scopes": [
        {
            "scope_id": "P-0107",
            "name": "全厂",
            "kind": "plant",
            "state": "ordered",
            "cap_kw": 95.0,
            "order_id": _ORDER_ID,
            "baseline_version": "2017-10",
            "orders": [ORDER_AT],
        }
    ],
}
CAPS: dict[str, Any] = {
    "scope_id": "P-0107",
    "plant_id": "P-0107",
    "county": "新密市",
    "slot_s": 900,
    "from": "2017-11-15T00:00:00+08:00",
    "to": "2018-03-16T00:00:00+08:00",
    "spans": [
        {
            "from": "2017-11-15T00:00:00+08:00",
            "to": "2017-11-17T00:00:00+08:00",
            "state": "grace",
            "cap_kw": None,
            "order_id": _ORDER_ID,
            "order_revision": 1,
            "control": "stop",
            "measure": "power",
            "document": "郑政文〔2017〕210号",
            "clause": "三(一)3",
            "baseline_version": "2017-10",
        }
    ],
    "days": [{"date": "2017-11-17", "order_id": "郑政文〔2017〕210号-limit-1-P-0108", "cap_kwh": 9440.0}],
}
EXPLANATION: dict[str, Any] = {
    "scope_id": "P-0107",
    "plant_id": "P-0107",
    "county": "新密市",
    "slot_from": "2017-11-20T22:00:00+08:00",
    "slot_to": "2017-11-20T22:15:00+08:00",
    "state": "ordered",
    "cap_kw": 95.0,
    "day_cap_kwh": None,
    "order_id": _ORDER_ID,
    "baseline": {
        "version": "2017-10",
        "running_kw": 1180.0,
        "idle_kw": 40.0,
        "day_kwh": 14000.0,
        "day_type": "all",
        "has_profile": False,
        "approved_by": "市工信委",
    },
    "sentences": [
        {
            "about": "cap",
            "order_id": _ORDER_ID,
            "zh": "允许负荷 = 令中保安负荷 36 kW + 余量 5% × R = 59 kW，合计 95 kW。",
            "en": "Cap = residual load of the order 36 kW + margin 5% of R = 59 kW, together 95 kW.",
        }
    ],
    "orders": [ORDER_AT],
}
RULEBOOK_HEAD: dict[str, Any] = {
    "rulebook_id": "zhengzhou-2017",
    "version": "1",
    "document": "郑政文〔2017〕210号",
    "title": {
        "zh": "郑州市2017—2018年秋冬季工业企业错峰生产实施方案",
        "en": "Zhengzhou plan for staggered production of industrial enterprises, autumn and winter 2017-2018",
    },
    "is_shipped": True,
    "first_applied_at": "2017-11-14T09:12:00+08:00",
    "applied_at": "2017-11-14T09:12:00+08:00",
}
RULEBOOK: dict[str, Any] = {
    **RULEBOOK_HEAD,
    "unreadable": None,
    "issued": "2017-11-09",
    "zone": "Asia/Shanghai",
    "season": {"first": "2017-11-15", "last": "2018-03-15"},
    "levels": [],
    "plant_plans": "may_tighten",
    "livelihood": {
        "item_id": "livelihood",
        "clause": "三(一)保民生",
        "zh": "承担居民供暖等保民生任务，按核定的最大允许生产负荷运行",
        "en": "tasks of livelihood may run up to the approved maximum load",
        "attribute": "livelihood",
        "approver": "郑州市人民政府",
        "filing": "省攻坚办",
    },
    "items": [
        {
            "item_id": "stop-3",
            "clause": "三(一)3",
            "zh": "砖瓦窑",
            "en": "brick and tile kilns",
            "subject": "line",
            "industries": [{"edition": "2017", "code": "3031"}],
            "asks": ["product"],
            "demands": [
                {
                    "level": None,
                    "kind": "stop",
                    "measure": "power",
                    "reduction": None,
                    "hours": None,
                    "zh": "停产",
                    "en": "stop",
                }
            ],
            "brackets": [{"zh": "加气混凝土切块砖企业", "en": "aerated concrete blocks", "asks": ["product"]}],
            "part": None,
            "grace": {"hours": 48.0, "origin": "[D]", "zh": "砖瓦窑熄火冷窑", "en": "brick kiln burning out"},
            "approver": None,
            "note": {"zh": "", "en": ""},
        }
    ],
    "attributes": [
        {
            "name": "product",
            "zh": "产品",
            "en": "product",
            "is_open": True,
            "is_number": False,
            "values": [{"value": "brick", "zh": "砖瓦", "en": "bricks and tiles"}],
        }
    ],
}
