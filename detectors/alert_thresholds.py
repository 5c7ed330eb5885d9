"""The thresholds an alert was judged by, as they stand beside it: values, and the origin of those that were set."""

from typing import Any

from detectors.alerts import Alert
from detectors.confidence import ERRORS
from detectors.confidence import THRESHOLD as LOW_CONFIDENCE
from detectors.order_rules import SLOT_RULES
from detectors.registry import Order
from detectors.rules.night_run import BEGINS_BEFORE_S
from detectors.rules.units_over import UNITS_OVER
from detectors.threshold_table import NO_SCOPE
from detectors.thresholds import DEFAULT_ORIGIN, KINDS
from detectors.vocab import Control, Rule
from detectors.world import World

_SLOT_RULES = frozenset(rule.rule for rule in SLOT_RULES)
_CLOSING = (("closing", "below_min"), ("closing", "below_share"))
#: Thresholds of another rule that a rule is judged by as well.
BESIDE: dict[Rule, tuple[tuple[str, str], ...]] = {
    Rule.LIMIT_DAY: (LOW_CONFIDENCE, ERRORS),
    Rule.LIMIT_PACE: ((Rule.LIMIT_DAY, "tolerance"),),
    Rule.STEP_UP: (("closing", "below_min"),),
    **dict.fromkeys((*_SLOT_RULES, Rule.OVER_CAPACITY), _CLOSING),
}


def thresholds_of(world: World, alert: Alert, order: Order | None) -> dict[str, Any]:
    """By name, of the scope on the local day in which the alert opened. ``origin``: of values that nobody set;
    ``origins``: by name, of those that the office did, where there are any."""
    scope, at_s = world.scope_row.get(alert.scope_id, NO_SCOPE), alert.opened_slot * world.slot_s
    if alert.rule == Rule.NIGHT_RUN:  # those of the day of its morning
        at_s += BEGINS_BEFORE_S
    own = [(kind.rule, kind.name) for kind in KINDS if kind.rule == alert.rule]
    shown: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for rule, name in (*own, *BESIDE.get(alert.rule, ())):
        asked_s = at_s
        if name == "grace_h":  # an order's grace is that of its own first day
            if order is None or order.ramp_down_h is not None:
                continue
            asked_s = order.valid_from
        value, origin = world.thresholds.of_scope(rule, name, scope, asked_s)
        shown[name] = int(value) if float(value).is_integer() else value
        if origin != DEFAULT_ORIGIN:
            origins[name] = origin
    if order is not None and order.control in (Control.STOP, Control.UNITS) and alert.rule in _SLOT_RULES:
        shown["tolerance"] = 0  # their caps hold a margin (SEMANTICS §3.13)
    if alert.rule == UNITS_OVER.rule:
        shown |= alert.facts
    return shown | {"origin": DEFAULT_ORIGIN} | ({"origins": origins} if origins else {})
