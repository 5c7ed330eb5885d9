"""A small run of the quality harness on the shipped plants, and proof that each of its figures can be bad."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from detectors.registry import Baseline
from detectors.vocab import Control, Verdict
from tests.quality import page, report
from tests.quality.__main__ import seeds_of
from tests.quality.case import Case
from tests.quality.fit import Fitted
from tests.quality.judging import Outcome, Raised, judged_slots
from tests.quality.kinds import CASE_KINDS, FIRST_EVALUATION_SEED, NotMade, case_of, kind_named
from tests.quality.natural import SLOTS_PER_H, Nature, nature_of
from tests.quality.plants import TRANSFORMS, other_plant
from tests.quality.rivals import fixed_share, outcome_of
from tests.quality.run import PRODUCT, Judge, Results, evaluate
from tests.quality.score import scored
from tests.quality.sites import SLOT_S, shipped_sites

SEEDS = range(FIRST_EVALUATION_SEED, FIRST_EVALUATION_SEED + 4)


@pytest.fixture(scope="module")
def natures() -> list[Nature]:
    """The shipped plants."""
    return [nature_of(site) for site in shipped_sites()]


@pytest.fixture(scope="module")
def results(natures: list[Nature]) -> Results:
    """All kinds of case of both plants, a few evaluation seeds."""
    results = Results()
    for nature in natures:
        evaluate(results, nature, SEEDS)
    return results


def made(natures: list[Nature], seeds: Sequence[int]) -> Iterator[tuple[Nature, Case]]:
    """Every case that can be made."""
    for nature in natures:
        for kind in CASE_KINDS:
            for seed in seeds:
                case = case_of(nature, kind, seed)
                if case is not None and not isinstance(case, NotMade):
                    yield nature, case


def all_compliant(cases: Sequence[Case], baselines: Sequence[Fitted]) -> Iterator[Outcome]:
    """A judge that trusts everybody."""
    for case in cases:
        verdicts = np.where(judged_slots(case), Verdict.COMPLIANT, Verdict.NO_ORDER).astype(np.uint8)
        yield Outcome(case, [], verdicts, {})


def all_violating(cases: Sequence[Case], baselines: Sequence[Fitted]) -> Iterator[Outcome]:
    """A judge that accuses everybody of everything, each hour anew."""
    for case in cases:
        about = judged_slots(case)
        verdicts = np.where(about, Verdict.VIOLATING, Verdict.NO_ORDER).astype(np.uint8)
        at = case.first_slot + np.flatnonzero(about)[::SLOTS_PER_H]
        yield Outcome(case, [Raised("stop_run", 2, s, s, s) for s in at.tolist()], verdicts, {})


def judged_by(natures: list[Nature], judge: Judge) -> Results:
    """The stop cases under another judge."""
    results = Results()
    kinds = [kind_named(name) for name in ("stop_kept", "night_run", "silent_stop")]
    for nature in natures:
        evaluate(results, nature, SEEDS, kinds=kinds, judge=judge)
    return results


@pytest.mark.parametrize("target", ["night runs found", "false alerts, grade 2", "missing called compliant"])
def test_the_targets_are_met_on_the_shipped_plants(results: Results, target: str) -> None:
    found = {t.name: t for t in report.targets(results, [])}[target]
    assert found.met, f"{found}: {list(report.worst(results, results.groups(real=True)))[:10]}"


def test_every_break_of_a_limit_or_a_cap_is_found(results: Results) -> None:
    for group in results.groups(real=True):
        for kind in ("cap_broken", "limit_broken"):
            found = results.total(PRODUCT, [group], [kind]).found
            assert len(found) >= 3
            assert [f.case_id for f in found if f.slots is None] == []


def test_silence_is_named(results: Results) -> None:
    score = results.total(PRODUCT, results.groups(real=True), ["silent_stop", "silent_limit"])
    silent = [f for f in score.found if f.event.what == "silent"]
    assert len(silent) >= 5
    assert [f.case_id for f in silent if f.slots is None] == []


def test_who_calls_everything_compliant_fails(natures: list[Nature]) -> None:
    found = {t.name: t for t in report.targets(judged_by(natures, all_compliant), [])}
    assert found["night runs found"].measured == "0.00%"
    assert not found["night runs found"].met
    assert not found["missing called compliant"].met
    assert found["false alerts, grade 2"].met  # that one alone would let such a judge pass


def test_who_always_accuses_fails(natures: list[Nature]) -> None:
    results = judged_by(natures, all_violating)
    found = {t.name: t for t in report.targets(results, [])}
    assert found["night runs found"].met
    assert not found["false alerts, grade 2"].met
    line = report.line(PRODUCT, results.total(PRODUCT, results.groups(real=True)))
    assert line.precision is not None
    assert line.precision < 0.3


def test_a_judge_that_is_an_hour_late_misses_the_target(natures: list[Nature]) -> None:
    def late(cases: Sequence[Case], baselines: Sequence[Fitted]) -> Iterator[Outcome]:
        for outcome in all_compliant(cases, baselines):
            firsts = [e.span.first + 4 for e in outcome.case.events]
            yield Outcome(outcome.case, [Raised("stop_run", 2, s, s, s) for s in firsts], outcome.verdicts, {})

    found = {t.name: t for t in report.targets(judged_by(natures, late), [])}
    assert not found["night runs found"].met


def test_stops_are_those_that_the_description_of_the_data_counts(natures: list[Nature]) -> None:
    steel = next(n for n in natures if n.site.name == "steel")
    hours = sorted(s.n / SLOTS_PER_H for s in steel.stops)
    assert sum(h >= 24 for h in hours) == 39
    assert sum(h >= 50 for h in hours) == 12
    assert hours[-3:] == pytest.approx([126, 135, 138], abs=1)
    metalworking = next(n for n in natures if n.site.name == "metalworking")
    end_of_year = metalworking.stops[-1]
    assert end_of_year.end == metalworking.site.end_slot
    assert end_of_year.n / SLOTS_PER_H == pytest.approx(248, abs=6)


def test_a_case_follows_from_its_seed_alone(natures: list[Nature]) -> None:
    once, again = list(made(natures, [3])), list(made(natures, [3]))
    assert len(once) > 25
    for (_, first), (_, second) in zip(once, again, strict=True):
        assert (first.order, first.events, first.about) == (second.order, second.events, second.about)
        np.testing.assert_array_equal(first.sent_kw, second.sent_kw)
    others = [case for _, case in made(natures, [4])]
    assert {c.about for _, c in once}.isdisjoint({c.about for c in others if c.kind != "no_order"})


def test_baselines_rest_on_earlier_days_only(natures: list[Nature]) -> None:
    for _, case in made(natures, range(3)):
        assert case.reference.end <= case.first_slot
        assert case.order is None or case.reference.end * SLOT_S <= case.order.valid_from - 7 * 86_400


def test_labels_follow_from_how_cases_are_made(natures: list[Nature]) -> None:
    for nature, case in made(natures, range(3)):
        about = judged_slots(case)
        for event in case.events:
            assert about[case.columns(event.span)].all(), case.case_id
        if case.kind == "stop_kept":
            quiet = case.true_kw[about]
            assert not nature.runs(quiet).any(), case.case_id
        if case.order is not None and case.order.control == Control.LIMIT:
            usual = nature.reference_day_kwh(case.reference.first, case.reference.end)
            cap_kwh = (1 - (case.order.reduction or 0)) * usual
            broken = {e.span.first for e in case.events}
            for day in nature.days:
                if day.first_slot * SLOT_S < case.order.valid_from or day.end_slot * SLOT_S > case.order.valid_to:
                    continue
                load_kw = case.true_kw[day.first_slot - case.first_slot : day.end_slot - case.first_slot]
                share = load_kw.sum() / SLOTS_PER_H / cap_kwh
                assert share >= 1.03 - 1e-9 if day.first_slot in broken else share <= 1.03 + 1e-9, case.case_id


def test_a_rival_sees_a_run_and_takes_silence_for_obedience(natures: list[Nature]) -> None:
    nature = natures[0]
    baseline = Baseline("scope", "given", 0, nature.running_kw)
    case = case_of(nature, kind_named("silent_stop"), 4)
    assert isinstance(case, Case)
    score = scored(outcome_of(fixed_share(0.25), case, baseline, nature))
    assert score.slots_missing > 0
    assert score.slots_missing_compliant == score.slots_missing
    run = case_of(nature, kind_named("night_run"), 4)
    assert isinstance(run, Case)
    assert scored(outcome_of(fixed_share(0.10), run, baseline, nature)).found[0].slots is not None


def test_other_plants_are_not_counted_as_real() -> None:
    results = Results()
    for number in range(len(TRANSFORMS)):
        site = other_plant(shipped_sites(), number)
        assert not site.real
        assert np.isfinite(site.load_kw).all()
        np.testing.assert_array_equal(site.load_kw, other_plant(shipped_sites(), number).load_kw)
    evaluate(results, nature_of(site), [1], kinds=[kind_named("stop_kept")], judge=all_compliant)
    assert results.groups(real=True) == []
    assert len(results.groups(real=False)) == 1


@pytest.mark.parametrize("text", ["900-1100", "5-3", "x", "-4"])
def test_development_and_evaluation_seeds_are_apart(text: str) -> None:
    with pytest.raises(ValueError, match="seeds"):
        seeds_of(text)
    assert list(seeds_of("1000-1002")) == [1000, 1001, 1002]


def test_the_summary_and_the_page_hold_every_part(results: Results) -> None:
    text = "\n".join(page.summary(results, []))
    for part in ("Targets", "By site", "By rule", "What failed"):
        assert part in text
    written = page.DOCS.read_text(encoding="utf-8")
    assert written.count("<!-- quality: begin -->") == written.count("<!-- quality: end -->") == 1
