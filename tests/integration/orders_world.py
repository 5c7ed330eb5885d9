"""Plants with orders of every kind beside the judged world, and the service that answers for them."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from detectors.registry import FOREVER, Baseline, Exemption, Line, Meter, Order, Plant, Registry, Scope
from detectors.vocab import Control, Measure, Role
from service.db.registry import apply_registry
from service.db.sessions import writing
from tests.integration.service_client import Service
from tests.integration.world import MIDNIGHT, NOON

HOUR = 3600
DAY = 24 * HOUR
START = int(MIDNIGHT.timestamp())
PLAN = "郑政文〔2017〕210号"
LIST = Path(__file__).parents[1] / "plan" / "registry"


def local(seconds: int) -> str:
    """Seconds after the midnight of 2017-11-16 as the service shows them."""
    return datetime.fromtimestamp(START + seconds, MIDNIGHT.tzinfo).isoformat()


STOP = Order(
    "A-stop",
    "Q1",
    Control.STOP,
    START,
    START + 10 * DAY,
    residual_kw=40.0,
    ramp_down_h=2.0,
    document=PLAN,
    clause="三(一)3",
)
OFFICE = Registry(
    plants=(Plant("Q1", "甲厂", "新密市"), Plant("Q2", "乙厂", "登封市")),
    lines=tuple(Line(f"Q2L{n}", "Q2", f"{n}号线", unit_kw=100.0) for n in (1, 2, 3)),
    meters=(
        Meter("Q1m", "Q1"),
        Meter("Q2m", "Q2"),
        *(Meter(f"Q2m{n}", "Q2", f"Q2L{n}", role=Role.LINE) for n in (1, 2, 3)),
    ),
    scopes=(Scope("Q1-kiln", "Q1", "窑", "process"),),
    orders=(
        replace(STOP, residual_kw=30.0),
        replace(STOP, revision=2),
        Order(
            "B-night", "Q1", Control.CAP, START, START + 5 * DAY, 79200, 21600, cap_kw=20.0, rulebook="zhengzhou-2017"
        ),
        Order("C-red", "Q1", Control.LIMIT, START + 2 * DAY, START + 3 * DAY, reduction=0.5, level="red"),
        Order("D-gone", "Q1", Control.STOP, START, START + 5 * DAY),
        Order("D-gone", "Q1", Control.STOP, START, START, revision=2),
        Order("E-old", "Q1-kiln", Control.STOP, START - 40 * DAY, START - 10 * DAY, residual_kw=1.0),
        Order("E-older", "Q1-kiln", Control.STOP, START - 400 * DAY, START - 300 * DAY, residual_kw=1.0),
        Order("F-units", "Q2", Control.UNITS, START, FOREVER, reduction=0.3, document=PLAN, clause="三(二)3"),
        Order("G-coking", "Q2", Control.COKING, START + 20 * DAY, START + 30 * DAY, reduction=0.3),
        Order("H-energy", "Q1-kiln", Control.LIMIT, START, START + DAY, reduction=0.2, measure=Measure.ENERGY),
    ),
    baselines=(
        Baseline("Q1", "2017-10", START - 60 * DAY, 1000.0, idle_kw=35.0, approved_by="市工信委"),
        Baseline("Q1-kiln", "2017-10", START - 60 * DAY, 500.0, day_kwh=8000.0),
    ),
    exemptions=(
        Exemption("Q1", START + 12 * HOUR, START + 18 * HOUR, "保温", "市政府", max_kw=300.0, document="批1号"),
        Exemption("Q1", START + 4 * DAY, START + 5 * DAY, "轮产", "市工信委", order_id="A-stop"),
    ),
)


async def with_orders(service: Service) -> Service:
    """The judged world with two more plants that have orders of every kind."""
    async with writing(service.engine) as connection:
        await apply_registry(connection, OFFICE, NOON.timestamp())
    return service
