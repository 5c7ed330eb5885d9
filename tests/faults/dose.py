"""How much of a fault a world gets, and what was seen of it."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.faults.world import World


@dataclass(frozen=True, slots=True)
class Dose:
    """count: how often, in one world. outage_s: how long what is away stays away."""

    count: int
    outage_s: float


@dataclass(slots=True)
class Proof:
    """proven: faults that were seen to have happened. figures: measured seconds and ratios by name."""

    proven: int = 0
    figures: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def seen(self, is_seen: bool, what: str) -> None:
        """Count a fault, or fail because it did not happen."""
        if not is_seen:
            raise AssertionError(f"the fault did not happen: {what}")
        self.proven += 1


Inflict = Callable[[World, Dose], Awaitable[Proof]]


@dataclass(frozen=True, slots=True)
class FaultClass:
    """One sort of fault. full: how often under `make faults`; block: how often in one world at most; sample: how often
    in CI, where the classes of one ``group`` share a world.

    servers: ``shared``, ``database`` (a PostgreSQL of its own), ``small_disk`` (that on little space), or ``apache``
    (an Apache Kafka of its own).
    """

    name: str
    inflict: Inflict
    group: str
    full: int = 20
    block: int = 1
    sample: int = 1
    servers: str = "shared"
    ingesters: int = 1
    late_days: float = 0.5


def pieces(world: World, count: int) -> list[float]:
    """Times that cut this fault's part of the story into equal pieces."""
    begin, end = world.now_s, world.until_s
    return [begin + (end - begin) * (i + 1) / count for i in range(count)]
