"""An import says which violating slots it may take away (SEMANTICS §3.20)."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from detectors.days import PLAIN_SLOT
from detectors.registry import (
    Exemption,
    Registry,
)
from detectors.vocab import Verdict
from service.db.registry import plan_registry
from tests.integration.import_world import DAY, NOW, START, V1, order_revision, stored_base


async def _one_violating_day(connection: AsyncConnection) -> None:
    """Scope P1, 2017-11-16: slots 8 to 11 violate O1, everything else is compliant."""
    packed = np.zeros(96, PLAIN_SLOT)
    packed["verdict"] = Verdict.COMPLIANT
    packed["verdict"][8:12] = Verdict.VIOLATING
    packed["order"] = 0
    await connection.execute(
        text(
            "INSERT INTO scope_days (scope_no, day, first_slot, slot_s, as_of, verdict, reasons, order_ids,"
            " baseline_versions, coverage, violating_slots, slots) SELECT scope_no, '2017-11-16', :first_slot, 900,"
            " to_timestamp(:now), 4, 0, '{O1}', '{V1}', 1, 4, :slots FROM scopes WHERE scope_id = 'P1'"
        ),
        {"first_slot": (START + DAY) // 900, "now": NOW, "slots": packed.tobytes()},
    )


LOSSES: list[tuple[str, Registry, int]] = [
    (
        "an exemption over two of them",
        Registry(exemptions=(Exemption("P1", START, START + DAY + 10 * 900, "r", "a"),)),
        2,
    ),
    ("an exemption elsewhere", Registry(exemptions=(Exemption("P1", START, START + DAY, "r", "a"),)), 0),
    ("a revision that cuts less", order_revision("O1", revision=2, reduction=0.2), 4),
    ("a revision that cuts more", order_revision("O1", revision=2, reduction=0.5), 0),
    ("a revision that begins later", order_revision("O1", revision=2, valid_from=START + DAY + 9 * 900), 1),
    ("a revision that lasts longer", order_revision("O1", revision=2, valid_to=START + 40 * DAY), 0),
    (
        "a higher baseline",
        Registry(
            baselines=(
                replace(V1, valid_to=START + DAY + 11 * 900),
                replace(V1, version="V2", valid_from=START + DAY + 11 * 900, running_kw=1500.0),
            )
        ),
        1,
    ),
]


@pytest.mark.parametrize("registry, count", [c[1:] for c in LOSSES], ids=[c[0] for c in LOSSES])
async def test_an_import_says_which_violating_slots_it_may_take_away(
    engine: AsyncEngine, registry: Registry, count: int
) -> None:
    await stored_base(engine)
    async with engine.begin() as connection:
        await _one_violating_day(connection)
        changes = await plan_registry(connection, registry, NOW)
    told = [w.en for w in changes.warnings if "violating" in w.en]
    assert all(f"may take {count} violating slot" in words and "scope P1," in words for words in told)
    assert bool(told) == (count > 0)
