"""A registry with one setting changed: what is changed, what is left, what is refused."""

from dataclasses import replace

import pytest

from detectors.errors import InputError
from detectors.registry import FOREVER, Registry, Threshold
from detectors.variants import PROPOSED, with_baseline_version, with_order_revision, with_threshold
from tests.cases.worlds import DAY0, baseline, registry, stop


@pytest.fixture
def office() -> Registry:
    """P with two versions of a baseline and two revisions of an order."""
    rows = (baseline(valid_to=DAY0), baseline(version="v2", valid_from=DAY0, running_kw=800.0))
    own = Threshold("stop_run", "n_min", 60, "office", "P")
    return registry(stop(), replace(stop(), revision=2, residual_kw=40.0), baselines=rows, thresholds=(own,))


def test_a_threshold_stands_in_place_of_the_scopes_own(office: Registry) -> None:
    (row,) = with_threshold(office, "P", "stop_run", "n_min", 45).thresholds
    assert (row.scope_id, row.value, row.origin, row.valid_to) == ("P", 45, PROPOSED, FOREVER)
    both = with_threshold(office, None, "stop_run", "n_min", 45).thresholds
    assert [(r.scope_id, r.value) for r in both] == [("P", 60), (None, 45)]
    assert with_threshold(office, "P", "limit_day", "tolerance", 0.1).thresholds[0] == office.thresholds[0]


@pytest.mark.parametrize(
    ("scope_id", "rule", "name", "value", "said"),
    [
        ("P", "stop_run", "n", 45, "no threshold stop_run.n"),
        ("nobody", "stop_run", "n_min", 45, "no scope nobody"),
        ("P", "stop_run", "n_min", 121, "stop_run.n_min = 121: from 15 to 120 min"),
        ("P", "stop_run", "n_min", float("nan"), "from 15 to 120 min"),
        ("P", "feed_down", "plants", 4, "is set for all"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused(
    office: Registry, scope_id: str, rule: str, name: str, value: float, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        with_threshold(office, scope_id, rule, name, value)


def test_one_version_of_a_baseline_stands_for_all_times(office: Registry) -> None:
    (row,) = with_baseline_version(office, "P", "v1").baselines
    assert (row.version, row.running_kw, row.valid_from, row.valid_to) == ("v1", 1000.0, 0, FOREVER)
    assert with_baseline_version(office, None, "v2").baselines[0].running_kw == 800.0
    for scope_id, version in (("P", "v3"), ("nobody", "v1")):
        with pytest.raises(InputError, match=version if scope_id == "P" else scope_id):
            with_baseline_version(office, scope_id, version)
    twice = replace(office, baselines=(*office.baselines, baseline(valid_from=2 * DAY0)))
    with pytest.raises(InputError, match="several spans"):
        with_baseline_version(twice, "P", "v1")


def test_day_types_of_a_version_stay_together() -> None:
    rows = (baseline(day_type="workday"), baseline(day_type="restday", running_kw=300.0))
    kept = with_baseline_version(registry(stop(), baselines=rows), "P", "v1").baselines
    assert [b.day_type for b in kept] == ["workday", "restday"]


def test_an_earlier_revision_of_an_order(office: Registry) -> None:
    (row,) = with_order_revision(office, "O", 1).orders
    assert (row.revision, row.residual_kw) == (1, None)
    assert with_order_revision(office, "O", 2).orders == office.orders
    for order_id, revision in (("O", 3), ("N", 1)):
        with pytest.raises(InputError, match=f"no revision {revision} of the order {order_id}"):
            with_order_revision(office, order_id, revision)
