"""All cases of some sites and seeds, judged by the product and its rivals."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from detectors.vocab import Quality
from tests.quality import product
from tests.quality.case import Case
from tests.quality.faulty import campus_faults
from tests.quality.fit import Fitted, fitted
from tests.quality.judging import Outcome
from tests.quality.kinds import CASE_KINDS, CaseKind, NotMade, case_of
from tests.quality.natural import Nature, Span, nature_of
from tests.quality.plants import other_plant
from tests.quality.rivals import Rival, outcome_of
from tests.quality.score import Score, scored
from tests.quality.sites import SLOT_S, Enterprises, Site, campus, data_folder, enterprise, enterprises, shipped_sites

PRODUCT = "cuofeng"
#: Readings that were late are looked at so long behind the stretch that is missing: none of them is there yet.
LOOK_S = 2 * 3600
Judge = Callable[[Sequence[Case], Sequence[Fitted]], Iterator[Outcome]]


@dataclass(slots=True)
class Results:
    """scores by judge, group of sites and kind of case; what could not be made or fitted."""

    scores: dict[tuple[str, str, str], Score] = field(default_factory=dict)
    not_made: list[NotMade] = field(default_factory=list)
    unfitted: list[str] = field(default_factory=list)

    def add(self, judge: str, group: str, kind: str, score: Score) -> None:
        """Count a score in."""
        self.scores.setdefault((judge, group, kind), Score()).add(score)

    def total(self, judge: str, groups: Sequence[str], kinds: Sequence[str] | None = None) -> Score:
        """Sum over sites and kinds."""
        total = Score()
        for (of, group, kind), score in self.scores.items():
            if of == judge and group in groups and (kinds is None or kind in kinds):
                total.add(score)
        return total

    def groups(self, *, real: bool) -> list[str]:
        """Sites in the results, real ones or transformed ones."""
        found = dict.fromkeys(group for _, group, _ in self.scores)
        return [g for g in found if g.startswith("other") is not real]

    def plants(self) -> list[str]:
        """The real sites without the campus, which is no plant and whose meter fails."""
        return [g for g in self.groups(real=True) if g != "campus"]


def group_of(site: str) -> str:
    """Sites that the report takes together: enterprises, and plants of one transform."""
    if site.startswith("enterprise-"):
        return "enterprises"
    return "other " + site.split("-")[2] if site.startswith("other-") else site


def real_sites() -> list[Nature]:
    """The shipped plants, and the campus where its data is."""
    natures = [nature_of(site) for site in shipped_sites()]
    folder = data_folder()
    if folder is not None:
        natures.append(nature_of(campus(folder), [span for _, span in campus_faults()]))
    return natures


def daily_data() -> Enterprises | None:
    """The enterprises where their data is."""
    folder = data_folder()
    return None if folder is None else enterprises(folder)


def site_named(name: str) -> Nature:
    """The site of a case id. Raises ValueError for an unknown one."""
    if name.startswith("enterprise-"):
        data = daily_data()
        if data is not None:
            return nature_of(enterprise(data, data.ids.index(name.removeprefix("enterprise-"))))
    if name.startswith("other-"):
        return nature_of(other_plant(shipped_sites(), int(name.split("-")[1])))
    for nature in real_sites():
        if nature.site.name == name:
            return nature
    raise ValueError(f"no site is named {name!r} here")


def evaluate(
    results: Results,
    nature: Nature,
    seeds: Sequence[int],
    rivals: Sequence[Rival] = (),
    kinds: Sequence[CaseKind] = CASE_KINDS,
    judge: Judge = product.judged,
) -> None:
    """Make, judge and score the cases of one site."""
    cases: list[Case] = []
    baselines: list[Fitted] = []
    fits: dict[Span, Fitted] = {}
    group = group_of(nature.site.name)
    for kind in kinds:
        for seed in seeds:
            case = case_of(nature, kind, seed)
            if isinstance(case, NotMade):
                results.not_made.append(case)
            elif case is not None:
                if case.reference not in fits:
                    fits[case.reference] = fitted(nature.site, case.reference)
                cases.append(case)
                baselines.append(fits[case.reference])
                if case.order is not None and not baselines[-1]:
                    results.unfitted.append(case.case_id)
    for outcome in judge(cases, baselines):
        results.add(PRODUCT, group, outcome.case.kind, scored(outcome))
    for case, baseline in zip(cases, baselines, strict=True):
        if case.late_s.any():
            results.add(PRODUCT, group, "late_awaited", scored(_while_awaited(case, baseline, judge)))
        for rival in rivals:
            if baseline:
                results.add(rival.name, group, case.kind, scored(outcome_of(rival, case, baseline[0], nature)))


def _while_awaited(case: Case, baseline: Fitted, judge: Judge) -> Outcome:
    """The case as the clock stood before its late readings came in. What may be found of it is not asked."""
    late = np.flatnonzero(case.late_s)
    as_of = (case.first_slot + int(late[-1]) + 1) * SLOT_S + LOOK_S
    ends = (case.first_slot + 1 + np.arange(len(case.true_kw))) * SLOT_S
    hidden = (ends > as_of) | (ends + case.late_s > as_of)
    n = int((ends <= as_of).sum())
    early = replace(
        case,
        true_kw=case.true_kw[:n],
        sent_kw=np.where(hidden, np.nan, case.sent_kw)[:n],
        quality=np.where(hidden, Quality.N, case.quality)[:n].astype(np.int8),
        late_s=np.zeros(n, np.int64),
        events=[],
        gray=[e.span for e in case.events],
        faults=[],
    )
    return next(iter(judge([early], [baseline])))


def enterprise_sample(data: Enterprises, seed: int, least_kwh: float = 200) -> Site:
    """One of the larger enterprises, by seed."""
    large = np.flatnonzero(np.median(data.day_kwh, axis=0) >= least_kwh)
    return enterprise(data, int(np.random.default_rng([seed, 210]).choice(large)))
