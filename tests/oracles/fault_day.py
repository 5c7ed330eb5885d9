"""One local day of a scope as the tests for data faults look at it: what was measured, learned and handed on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from detectors.registry import Baseline
from detectors.vocab import Reason
from tests.oracles.caps import Rules
from tests.oracles.scope_slots import ScopeSlot
from tests.oracles.thresholds import value_on

MARGIN_MIN = 120
#: Hours in which a plant may be early or late against its profile.
EARLY_LATE_H = 2

#: Reasons by slot.
Found = dict[int, set[Reason]]


@dataclass
class Level:
    """A meter off its level, upwards or not, that goes on over midnight."""

    is_up: bool
    factor: float


@dataclass
class FaultDay:
    """One local day of a scope and what it looks at."""

    rules: Rules
    scope_id: str
    day: date
    measured: Mapping[int, ScopeSlot]
    until: int
    is_spread: bool
    yesterday: Mapping[int, frozenset[Reason]]  # of its last 2 h
    level: Level | None  # that went on when the day began
    found: Found = field(default_factory=dict)

    @property
    def own(self) -> range:
        """Its own slots."""
        return self.rules.local.slots_of(self.day)

    @property
    def view(self) -> range:
        """All slots that it looks at."""
        margin = self.rules.local.slots_in(MARGIN_MIN)
        return range(self.own.start - margin, self.own.stop + margin)

    def ask(self, name: str) -> float:
        """A threshold."""
        rows, local = self.rules.registry.thresholds, self.rules.local
        return value_on(rows, local, "bad_data", name, self.scope_id, self.day)

    def slots_in(self, name: str) -> int:
        """A threshold in minutes, as slots."""
        return max(1, int(self.ask(name)) * 60 // self.rules.local.slot_s)

    def baseline(self, slot: int) -> Baseline | None:
        """The baseline that holds, where it was learned."""
        found = self.rules.baseline_at(self.scope_id, slot * self.rules.local.slot_s)
        return found if found is not None and found.floor_kw is not None else None

    def load_kw(self, slot: int) -> float | None:
        """Load of a slot that is over and fully measured."""
        now = self.measured.get(slot)
        if now is None or slot >= self.until or slot not in self.view or now.coverage < 1 or now.is_outage:
            return None
        return now.load_kw(self.rules.local.hours())

    def profile_kw(self, slot: int) -> tuple[float, float, float] | None:
        """Load by the profile, its lowest 2 h around, and its highest; None without a profile."""
        baseline = self.baseline(slot)
        if baseline is None or not baseline.profile_kw:
            return None
        wall = self.rules.local.wall(slot * self.rules.local.slot_s)
        profile, n = baseline.profile_kw, len(baseline.profile_kw)
        at = (wall.hour * 3600 + wall.minute * 60 + wall.second) * n // 86400
        reach = min(EARLY_LATE_H * 3600 * n // 86400, (n - 1) // 2)
        near = [profile[(at + by) % n] for by in range(-reach, reach + 1)]
        return profile[at], min(near), max(profile)

    def mark(self, slot: int, reason: Reason) -> None:
        """Set a slot aside; of yesterday's slots yesterday speaks."""
        if slot >= self.own.start:
            self.found.setdefault(slot, set()).add(reason)


def max_kw(baseline: Baseline) -> float:
    """Highest load believed."""
    return baseline.max_kw if baseline.max_kw is not None else 1.1 * baseline.running_kw
