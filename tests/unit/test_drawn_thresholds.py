"""Thresholds of random worlds are such as an import takes."""

from itertools import product

from detectors.registry import Registry, Threshold
from detectors.thresholds import AT_MOST, kind_of
from service.db.registry_checks import check
from tests.oracles.strategies_thresholds import FOR_ALL, VALUES


def test_every_value_that_is_drawn_could_be_imported_beside_every_other() -> None:
    for kind, values in VALUES.items():
        found = kind_of(*kind)
        assert found is not None, kind
        assert (kind in FOR_ALL) is not found.per_scope
        for value in values:
            assert check(Registry(thresholds=(Threshold(*kind, value, "x"),)), Registry()).errors == ()
    for lower, higher in AT_MOST:
        for one, other in product(VALUES.get(lower, ()), VALUES.get(higher, ())):
            rows = (Threshold(*lower, one, "x"), Threshold(*higher, other, "x"))
            assert check(Registry(thresholds=rows), Registry()).errors == ()
