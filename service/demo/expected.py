"""What was planted in the demo, and the comparison with what was found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from detectors.vocab import Rule


@dataclass(frozen=True, slots=True)
class Expected:
    """One alert that must be found: its rule, scope and order, and when it becomes certain.

    opened_at_s: end of the slot that makes it certain, epoch seconds.
    is_retracted: a later reading must take it back; a judgement that sees all readings at once never has it.
    order_id None: any.
    """

    rule: Rule
    scope_id: str
    order_id: str | None
    opened_at_s: int
    is_retracted: bool = False


@dataclass(frozen=True, slots=True)
class Planted:
    """One thing laid into the demo. ``expected`` empty: it looks like something, and nobody may be accused."""

    key: str
    scope_ids: tuple[str, ...]
    zh: str
    en: str
    expected: tuple[Expected, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundAlert:
    """An alert as the comparison needs it."""

    rule: str
    scope_id: str
    order_id: str | None
    condition: str
    opened_at_slot_end_s: int
    is_replaced: bool = False  # retracted because late data moved its first slot: its successor is in the list


@dataclass(frozen=True, slots=True)
class Outcome:
    """A planted thing after the comparison."""

    planted: Planted
    missed: tuple[Expected, ...]
    raised: tuple[FoundAlert, ...]  # alerts of its scopes that nobody planted

    @property
    def is_found(self) -> bool:
        """Every expected alert was raised, and no other in its scopes."""
        return not self.missed and not self.raised


@dataclass(frozen=True, slots=True)
class Comparison:
    """All planted things, and the alerts that no planted thing expects."""

    outcomes: tuple[Outcome, ...]
    unplanted: tuple[FoundAlert, ...]

    @property
    def is_good(self) -> bool:
        """Everything planted was found and nothing else was raised."""
        return not self.unplanted and all(not o.missed for o in self.outcomes)


def _fits(alert: FoundAlert, expected: Expected) -> bool:
    return (
        alert.rule == expected.rule
        and alert.scope_id == expected.scope_id
        and (expected.order_id is None or alert.order_id == expected.order_id)
        and alert.opened_at_slot_end_s == expected.opened_at_s
        and (alert.condition == "retracted") == expected.is_retracted
    )


def compare(
    planted: Sequence[Planted], alerts: Iterable[FoundAlert], *, saw_everything_at_once: bool = False
) -> Comparison:
    """Match alerts with expectations, one to one.

    saw_everything_at_once: the alerts come from a judgement of the complete readings (back-test), where what a later
    reading takes back was never raised; expectations of retracted alerts are left out.
    """
    left = [a for a in alerts if not a.is_replaced]
    missed: dict[str, list[Expected]] = {}
    for thing in planted:
        for expected in thing.expected:
            if expected.is_retracted and saw_everything_at_once:
                continue
            hit = next((a for a in left if _fits(a, expected)), None)
            if hit is None:
                missed.setdefault(thing.key, []).append(expected)
            else:
                left.remove(hit)
    outcomes = tuple(
        Outcome(p, tuple(missed.get(p.key, ())), tuple(a for a in left if a.scope_id in p.scope_ids)) for p in planted
    )
    return Comparison(outcomes, tuple(left))
