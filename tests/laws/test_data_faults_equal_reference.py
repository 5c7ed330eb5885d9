"""What is set aside of the loads, and every verdict and alert behind it, as the slow reference has them: on worlds
whose meters fail."""

import pytest

from detectors.vocab import SUSPECT, Reason, Rule, Verdict
from tests.cases.fast import fast
from tests.oracles.compare import differences
from tests.oracles.judge import judge
from tests.oracles.rows import Judgement, SlotRow, World
from tests.oracles.strategies_faults import faulty_world

#: Seeds in one test, so that each of them can be seen not to be empty.
SEEDS = 20


def _suspect(row: SlotRow) -> frozenset[Reason]:
    return frozenset(r for r in row.reasons if r in SUSPECT)


def _judged(world: World) -> Judgement:
    """What the fast judgement finds, once it is what the reference finds."""
    arguments = (world.registry, world.readings, world.as_of, world.slot_s, world.day_types)
    found, expected = fast(*arguments), judge(*arguments)
    assert differences(found, expected) == []
    twins = {(row.scope_id, row.slot_end): row for row in expected.slots}
    for row in found.slots:
        if row.verdict == Verdict.UNKNOWN:  # the reference names reasons of these only
            assert _suspect(row) == _suspect(twins[row.scope_id, row.slot_end])
    return found


@pytest.mark.parametrize("block", range(5))
def test_worlds_with_faulty_meters(block: int) -> None:
    n_alerts = n_suspect = 0
    for seed in range(block * SEEDS, (block + 1) * SEEDS):
        found = _judged(faulty_world(seed))
        n_alerts += sum(a.rule == Rule.BAD_DATA for a in found.alerts)
        for row in found.slots:
            if _suspect(row):
                n_suspect += 1
                assert row.verdict not in (Verdict.COMPLIANT, Verdict.VIOLATING)
                assert row.coverage == 0
                assert row.load_kw is None
    assert n_alerts > 0
    assert n_suspect > 0


@pytest.mark.parametrize(
    ("seed", "reason"),
    [
        (18, Reason.SUSPECT_LEVEL),
        (13, Reason.SUSPECT_STUCK),
        (37, Reason.SUSPECT_SPIKE),
        (26, Reason.SUSPECT_DROPOUT),
    ],
)
def test_the_worlds_hold_every_fault(seed: int, reason: Reason) -> None:
    world = faulty_world(seed)
    found = fast(world.registry, world.readings, world.as_of, world.slot_s)
    assert any(reason in row.reasons for row in found.slots)
