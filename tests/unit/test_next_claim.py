"""How many scopes the passes of evaluation take at once."""

import pytest

from consumers.evaluate import CLAIM_SCOPES, LEAST_SCOPES, next_claim
from consumers.rejudge import Rejudged


def took(scopes: int, seconds: float) -> Rejudged:
    return Rejudged(scopes=scopes, days=scopes, seconds=seconds)


@pytest.mark.parametrize(
    "found, before, after",
    [
        ([None, None], 700, 700),
        ([took(500, 0.1), took(500, 0.1)], 500, 1_000),
        ([took(4_000, 1.0), took(4_000, 0.9)], 4_000, 4_000),
        ([took(4_000, 4.0), took(4_000, 4.0)], 4_000, 1_000),
        ([took(4_000, 60.0), took(4_000, 60.0)], 4_000, LEAST_SCOPES),
        ([took(9_000, 0.5), took(9_000, 0.5)], 9_000, CLAIM_SCOPES),
        ([took(4_000, 0.5), took(1_000, 0.1)], 4_000, 2_500),
        ([took(1_600, 0.1), None], 4_000, 800),
        ([took(20, 0.01), None], 4_000, LEAST_SCOPES),
    ],
    ids=["nothing", "full", "long_enough", "long", "at_least", "at_most", "shared", "one_took_all", "few"],
)
def test_all_passes_have_some_and_none_takes_long(found: list[Rejudged | None], before: int, after: int) -> None:
    assert next_claim(found, before) == after
