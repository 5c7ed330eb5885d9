"""Orders, exemptions and what an order is at a slot, as the service shows them."""

from collections.abc import Iterable, Sequence
from typing import Any

from detectors.registry import FOREVER, Exemption, Order
from detectors.vocab import code
from service.api.answers import instant
from service.api.parts import Parts
from service.plans.cap_at import OrderAt, touches
from service.plans.changes import is_withdrawn
from service.plans.word_parts import clock


def order_document(parts: Parts, order: Order) -> dict[str, Any]:
    """An order as it was given; unknown or open is null."""
    return {
        "order_id": order.order_id,
        "revision": order.revision,
        "scope_id": order.scope_id,
        "control": order.control,
        "measure": order.measure,
        "from": instant(order.valid_from, parts.zone),
        "to": _end(parts, order.valid_to),
        "daily_from": None if order.daily_from_s is None else clock(order.daily_from_s),
        "daily_to": None if order.daily_to_s is None else clock(order.daily_to_s),
        "reduction": order.reduction,
        "cap_kw": order.cap_kw,
        "units_allowed": order.units_allowed,
        "residual_kw": order.residual_kw,
        "ramp_down_h": order.ramp_down_h,
        "document": order.document,
        "clause": order.clause,
        "level": order.level,
        "rulebook": order.rulebook,
        "is_withdrawn": is_withdrawn(order),
    }


def exemption_documents(parts: Parts, order: Order, exemptions: Iterable[Exemption]) -> list[dict[str, Any]]:
    """The exemptions that touch an order, the earliest first."""
    return [
        {
            "order_id": e.order_id,
            "from": instant(e.valid_from, parts.zone),
            "to": _end(parts, e.valid_to),
            "max_kw": e.max_kw,
            "reason": e.reason,
            "approved_by": e.approved_by,
            "document": e.document,
        }
        for e in exemptions
        if touches(e, order)
    ]


def order_at_document(parts: Parts, at: OrderAt, exemptions: Sequence[Exemption]) -> dict[str, Any]:
    """An order with what it is at a slot. exemptions: of its scope."""
    units = at.units
    return {
        "state": at.state,
        "cap_kw": rounded(at.cap_kw),
        "day_cap_kwh": rounded(at.day_cap_kwh),
        "grace_to": _grace_to(parts, at),
        "units_allowed": None if units is None else units.allowed,
        "units_total": None if units is None else units.total,
        "missing": [code(reason) for reason in at.missing],
        "order": order_document(parts, at.order),
        "exemptions": exemption_documents(parts, at.order, exemptions),
    }


def rounded(value: float | None) -> float | None:
    """Three decimals, as everywhere."""
    return None if value is None else round(value, 3)


def _grace_to(parts: Parts, at: OrderAt) -> str | None:
    if at.grace_to is None or at.grace_to <= at.order.valid_from:
        return None
    return instant(at.grace_to, parts.zone)


def _end(parts: Parts, epoch_s: int) -> str | None:
    return None if epoch_s >= FOREVER else instant(epoch_s, parts.zone)
