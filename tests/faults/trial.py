"""What is tried very often without a world of its own: how often, and what came of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults.checks import Findings
from tests.faults.dose import Proof

#: Address of a database server, the first seed, how many from there on.
Try = Callable[[str, int, int], Awaitable[tuple[Proof, Findings]]]


@dataclass(frozen=True, slots=True)
class Trial:
    """full: how often under `make faults`; block: how often in one go at most; sample: how often in CI.

    Where seeds count, a go of 100 from seed 1 on takes the seeds 1 to 100.
    """

    name: str
    go: Try
    full: int
    block: int
    sample: int
