"""Audit of the list: what each code needs to be told, and what silences it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.registry import (
    Approval,
    Baseline,
    Listing,
    Meter,
    Outage,
    PlantPlan,
    Registry,
    Scope,
    ScopeMeter,
    Source,
)
from detectors.vocab import Control, Role
from service.plans.audit import Measured, list_findings, sorted_findings
from service.plans.audit_case import audit_case
from service.plans.audit_findings import SEVERITY, Code, Finding, HeldMeter, Severity
from service.plans.audit_meters import LookedAt, looked_at, meter_findings
from service.plans.audit_scopes import scope_findings
from service.plans.running import DEFAULTS, DayLook, RunningLook, day_looks, day_runs, running_look
from service.registry import read_registry
from tests.plan.written import PLAN
from tests.unit.rulebook_cases import DOCUMENT, line, plant, shipped

#: 2017-12-01 00:00 in Shanghai.
NOW = 1512057600
HOUR, DAY = 3600, 86_400
BOOK = shipped("zhengzhou-2017")
KILN = plant("3031", "product=brick")
MAIN = Meter("m", "P", account="A1", source="grid")
R = Baseline("P", "v1", 0, 1000.0, idle_kw=20.0, day_kwh=20_000.0)
LISTED = Listing(DOCUMENT, "P")
GOOD = Registry(sources=(Source("grid"),), plants=(KILN,), meters=(MAIN,), baselines=(R,), listings=(LISTED,))


def found(registry: Registry, measured: Measured | None = None, at: int = NOW, book: Any = BOOK) -> list[Finding]:
    """All findings."""
    case = audit_case(book, registry)
    look = looked_at([case], registry, at)
    rows = [*list_findings(case, at), *scope_findings(case, at)]
    rows += meter_findings([case], registry, look, measured or Measured())
    return sorted_findings(rows, {p.plant_id: p for p in registry.plants})


def told(registry: Registry, measured: Measured | None = None, at: int = NOW) -> list[tuple[str, str | None]]:
    """(code, the narrowest thing it is about) of all findings."""
    names = [(f, f.where) for f in found(registry, measured, at)]
    return [(f.code.value, w.meter_id or w.line_id or w.account or w.scope_id or w.plant_id) for f, w in names]


def test_a_listed_plant_with_meter_and_baseline_needs_nothing() -> None:
    assert found(GOOD) == []


def test_a_covered_plant_that_is_not_listed_is_told_with_clause_county_and_what_to_do() -> None:
    (row,) = found(replace(GOOD, listings=(Listing(DOCUMENT, "X"),), plants=(KILN, plant("9999", plant_id="X"))))[:1]
    assert (row.code, row.severity, row.clause) == (Code.UNLISTED, Severity.ERROR, "三(一)3")
    assert (row.where.plant_id, row.county, row.plant_name, row.rulebook) == ("P", "登封市", "示例P", "zhengzhou-2017")
    assert DOCUMENT in row.zh
    assert DOCUMENT in row.en
    assert row.do_zh
    assert row.do_en


def test_a_listed_plant_of_no_trade_is_told() -> None:
    registry = replace(GOOD, plants=(replace(KILN, industry="9999"),))
    assert told(registry) == [("listed_not_covered", "P")]


def test_an_exempt_plant_on_the_list_is_told_and_one_off_it_is_not() -> None:
    exempt = plant("3071", "fuel=natural_gas")
    assert told(replace(GOOD, plants=(exempt,))) == [("listed_not_covered", "P")]
    other = replace(GOOD, plants=(exempt, replace(KILN, plant_id="Q")), listings=(Listing(DOCUMENT, "Q"),))
    assert [row for row in told(other) if row[1] == "P"] == []


def test_without_a_list_nothing_is_unlisted_and_that_is_said() -> None:
    assert told(replace(GOOD, listings=())) == [("no_list", None)]


def test_a_plant_that_cannot_be_decided_is_told_with_what_is_missing() -> None:
    undecided = plant("3024")
    (row,) = found(replace(GOOD, plants=(undecided,)))
    assert (row.code, row.missing, row.clause) == (Code.UNDECIDED, ("product",), "三(一)8")
    off = replace(GOOD, plants=(undecided, plant("9999", plant_id="X")), listings=(Listing(DOCUMENT, "X"),))
    rows = [f for f in found(off) if f.where.plant_id == "P"]
    assert [(f.code, f.severity) for f in rows] == [
        (Code.UNLISTED, Severity.WARNING),
        (Code.UNDECIDED, Severity.WARNING),
    ]


def test_a_plant_whose_trade_is_not_known_is_undecided_and_never_called_unlisted() -> None:
    registry = replace(GOOD, plants=(plant(None), plant("9999", plant_id="X")), listings=(Listing(DOCUMENT, "X"),))
    assert [row for row in told(registry) if row[1] == "P"] == [("undecided", "P")]


def test_a_line_that_the_list_leaves_out_is_told_by_itself() -> None:
    """Two lines that differ are decided line by line; the list names one of two that are ordered."""
    lines = (line("1", "fuel=coal"), line("2", "fuel=coal"), line("3", "fuel=natural_gas"))
    metered = tuple(Meter(f"m{i}", "P", f"P-{i}", role=Role.LINE) for i in (1, 2, 3))
    registry = replace(
        GOOD,
        plants=(plant("3071"),),
        lines=lines,
        meters=(MAIN, *metered),
        baselines=(R, replace(R, scope_id="P-1"), replace(R, scope_id="P-2")),
        listings=(Listing(DOCUMENT, "P", "P-1"),),
    )
    assert told(registry) == [("unlisted", "P-2")]


def test_what_nothing_measures_apart_is_a_missing_meter() -> None:
    registry = replace(
        GOOD, plants=(plant("3011"),), lines=(line("1", "process=clinker"), line("2", "process=grinding"))
    )
    assert told(registry) == [("no_meter", "P")]


@pytest.mark.parametrize(
    "meters, at, since",
    [
        ((), NOW, None),
        ((replace(MAIN, valid_to=NOW - DAY),), NOW, NOW - DAY),
        ((replace(MAIN, valid_from=NOW + DAY),), NOW, None),
        ((replace(MAIN, valid_from=NOW),), NOW - 60 * DAY, None),  # long before the season: at its begin
    ],
)
def test_an_ordered_scope_without_a_valid_meter_is_told(meters: tuple[Meter, ...], at: int, since: int | None) -> None:
    rows = found(replace(GOOD, meters=meters), at=at)
    assert [(f.code, f.since) for f in rows] == [(Code.NO_METER, since)]


def test_baselines_are_asked_for_where_the_semantics_need_them() -> None:
    """SEMANTICS §3.14-16: a stop needs a baseline or a residual load, a limit a baseline, by energy with its day."""
    bare = replace(GOOD, baselines=())
    assert told(bare) == [("no_baseline", "P")]
    assert told(replace(bare, plant_plans=(PlantPlan("P", DOCUMENT, residual_kw=60.0),))) == []
    assert told(replace(GOOD, baselines=(replace(R, running_kw=0.0),))) == [("no_baseline", "P")]
    assert told(replace(GOOD, baselines=(replace(R, valid_to=NOW),))) == [("no_baseline", "P")]
    steel = replace(GOOD, plants=(plant("3120", "process=steelmaking"),))
    assert told(steel) == []
    assert told(replace(steel, baselines=())) == [("no_baseline", "P")]
    assert told(replace(steel, baselines=(replace(R, day_kwh=None),))) == [("no_baseline", "P")]
    assert told(replace(steel, baselines=(replace(R, day_kwh=None, profile_kw=(500.0,)),))) == []


def test_lines_that_can_be_neither_counted_nor_estimated_are_told() -> None:
    alumina = replace(
        GOOD,
        plants=(plant("3216", "process=alumina"),),
        lines=tuple(replace(line(n), attributes={"process": "alumina"}) for n in "12"),
    )
    assert told(alumina) == [("lines_without_units", "P-1"), ("lines_without_units", "P-2")]
    loads = tuple(replace(row, unit_kw=400.0) for row in alumina.lines)
    assert told(replace(alumina, lines=loads)) == []
    assert told(replace(alumina, lines=(loads[0], alumina.lines[1]))) == [("lines_without_units", "P-2")]
    own = (R, replace(R, scope_id="P-1"), replace(R, scope_id="P-2"))
    scopes = (Scope("P-1", "P", "1", "line"), Scope("P-2", "P", "2", "line"))
    assert told(replace(alumina, baselines=own, scopes=scopes)) == []
    metered = (MAIN, *(Meter(f"m{n}", "P", f"P-{n}", role=Role.LINE) for n in "12"))
    assert told(replace(alumina, meters=metered)) == []
    assert told(replace(alumina, lines=())) == [("lines_without_units", "P")]


def test_a_potline_without_its_number_of_cells_is_told() -> None:
    cells = replace(line("1", "process=primary_aluminium", kind="cells"), unit_kw=10.0)
    registry = replace(GOOD, plants=(plant("3216", "process=primary_aluminium"),), lines=(cells,))
    assert told(registry) == [("lines_without_units", "P-1")]
    assert told(replace(registry, lines=(replace(cells, units=100),))) == []


def test_coking_time_needs_the_pushing_machine() -> None:
    coking = replace(GOOD, plants=(plant("2521", "coking_h=20"),))
    assert told(coking) == [("coking_without_pushes", "P")]
    pushes = replace(
        coking,
        meters=(MAIN, Meter("push", "P", role=Role.PRODUCTION)),
        scopes=(Scope("P-push", "P", "推焦", "pushes"),),
        scope_meters=(ScopeMeter("P-push", "push"),),
    )
    assert told(pushes) == [("no_baseline", "P-push")]
    assert told(replace(pushes, baselines=(R, replace(R, scope_id="P-push")))) == []


HEATS = plant("3031", "product=brick;livelihood=heating")
APPROVED = Approval("P", 0, "heating", 500.0, "郑州市人民政府", "批复1号", filed_with="省攻坚办")


@pytest.mark.parametrize(
    "approvals, expected",
    [
        ((), ["approval_missing"]),
        ((APPROVED,), []),
        ((replace(APPROVED, valid_to=NOW),), ["approval_missing"]),
        ((replace(APPROVED, valid_from=NOW + 1),), ["approval_missing"]),
        ((replace(APPROVED, approved_by="郑州市政府"),), []),
        ((replace(APPROVED, approved_by="登封市人民政府"),), ["approver_differs"]),
        ((replace(APPROVED, approved_by="市政府"),), ["approver_differs"]),
        ((replace(APPROVED, filed_with=None),), ["filing_missing"]),
    ],
)
def test_tasks_of_livelihood_need_the_approval_of_the_clause(
    approvals: tuple[Approval, ...], expected: list[str]
) -> None:
    rows = found(replace(GOOD, plants=(HEATS,), approvals=approvals))
    assert [f.code.value for f in rows] == expected
    assert all(f.clause == "三(一)保民生" for f in rows)
    assert Severity.ERROR not in {f.severity for f in rows}


def test_a_plan_of_a_plant_that_is_refused_is_told_and_the_others_are_audited_without_it() -> None:
    loose = PlantPlan("P", DOCUMENT, control=Control.LIMIT, reduction=0.2)
    other = replace(KILN, plant_id="Q")
    registry = replace(GOOD, plants=(KILN, other), plant_plans=(loose,), listings=(LISTED, Listing(DOCUMENT, "Q")))
    assert told(registry) == [("plan_refused", "P"), ("no_meter", "Q"), ("no_baseline", "Q")]
    assert "停产" in found(registry)[0].zh


def silent(registry: Registry, last: dict[str, int], as_of: int = NOW) -> list[tuple[str | None, int | None]]:
    """(meter, since) of the silent ones."""
    rows = found(registry, Measured(as_of, last_valid=last), at=as_of)
    return [(f.where.meter_id, f.since) for f in rows if f.code is Code.SILENT]


def test_a_meter_is_silent_after_a_day_and_its_sources_delay() -> None:
    """grid delivers within 5 minutes."""
    assert silent(GOOD, {}) == [("m", None)]
    assert silent(GOOD, {"m": NOW - DAY - 300}) == [("m", NOW - DAY - 300)]
    assert silent(GOOD, {"m": NOW - DAY - 299}) == []
    slow = replace(GOOD, sources=(Source("grid", delay_min=1440),))
    assert silent(slow, {"m": NOW - 2 * DAY + 1}) == []


def test_meters_that_cannot_speak_are_not_silent() -> None:
    assert silent(replace(GOOD, meters=(replace(MAIN, valid_from=NOW - DAY + 1),)), {}) == []
    assert silent(replace(GOOD, outages=(Outage(NOW - HOUR, NOW, "grid", plant_id="P"),)), {}) == []
    assert silent(replace(GOOD, outages=(Outage(NOW - 9 * DAY, NOW - DAY, "grid", meter_id="m"),)), {}) == [("m", None)]
    check = replace(MAIN, meter_id="c", role=Role.CHECK)
    assert silent(replace(GOOD, meters=(MAIN, check)), {"m": NOW}) == []
    assert found(GOOD, Measured(None)) == []


def test_silence_of_plants_outside_the_plan_is_not_its_matter() -> None:
    registry = replace(GOOD, plants=(plant("9999"),), listings=())
    assert silent(registry, {}) == []


LOOK = RunningLook(5, 700.0, 100.0, 1000.0)


def test_a_running_plant_without_an_order_is_told_with_its_account_and_numbers() -> None:
    off = replace(GOOD, plants=(KILN, plant("9999", plant_id="X")), listings=(Listing(DOCUMENT, "X"),))
    rows = found(off, Measured(NOW, {"m": NOW}, running={"P": LOOK}))
    (row,) = [f for f in rows if f.code is Code.RUNS_UNLISTED]
    assert (row.where.plant_id, row.where.account, row.severity) == ("P", "A1", Severity.ERROR)
    assert row.numbers == {"days": 5.0, "top_kw": 700.0, "quiet_kw": 100.0, "contract_kw": 1000.0}
    assert "700 kW" in row.zh
    assert "[D]" in row.zh
    assert "700 kW" in row.en
    assert [f.code for f in found(GOOD, Measured(NOW, {"m": NOW}, running={"P": LOOK}))] == []


def test_accounts_are_asked_where_a_plant_has_several_and_where_its_order_leaves_one_out() -> None:
    second = replace(MAIN, meter_id="m2", account="A2", contract_kw=300.0)
    both = replace(GOOD, meters=(MAIN, second))
    assert _look(both).accounts == {}
    assert _look(both).plants == {}
    left_out = replace(both, scope_meters=(ScopeMeter("P", "m"),))
    assert list(_look(left_out).accounts) == [("P", "A2")]
    off = replace(both, plants=(KILN, plant("9999", plant_id="X")), listings=(Listing(DOCUMENT, "X"),))
    assert list(_look(off).accounts) == [("P", "A1"), ("P", "A2")]
    assert _look(off).plants == {"P": None}
    known = replace(off, meters=(replace(MAIN, contract_kw=200.0), second))
    assert _look(known).plants == {"P": 500.0}
    rows = found(left_out, Measured(NOW, {"m": NOW, "m2": NOW}, accounts={("P", "A2"): LOOK}))
    assert [(f.code, f.where.account) for f in rows] == [(Code.RUNS_UNLISTED, "A2")]


def test_a_plant_ordered_by_a_process_may_have_accounts_outside_it() -> None:
    registry = replace(
        GOOD,
        plants=(plant("3011"),),
        lines=(line("1", "process=clinker"), line("2", "process=grinding")),
        meters=(replace(MAIN, line_id="P-1"), replace(MAIN, meter_id="m2", account="A2", line_id="P-2")),
    )
    assert _look(registry).accounts == {}


def _look(registry: Registry) -> LookedAt:
    return looked_at([audit_case(BOOK, registry)], registry, NOW)


def test_strange_meters_come_last_and_belong_to_no_county() -> None:
    held = HeldMeter("999", "grid", 12, NOW - DAY)
    *_, row = found(replace(GOOD, baselines=()), Measured(unknown=(held,)))
    assert (row.code, row.where.meter_id, row.numbers, row.county) == (
        Code.UNKNOWN_ACCOUNT,
        "999",
        {"rows": 12.0},
        None,
    )
    assert row.since == NOW - DAY


@pytest.mark.parametrize(
    "top, quiet, contract, runs",
    [
        (200.0, 20.0, 1000.0, True),
        (199.0, 20.0, 1000.0, False),
        (250.0, 180.0, 1000.0, False),  # neither shifts nor a kiln: a flat load about the bar
        (270.0, 180.0, 1000.0, True),
        (800.0, 790.0, 1000.0, True),  # a kiln that never rests
        (150.0, 149.0, 1000.0, False),
        (50.0, 10.0, None, True),
        (49.0, 10.0, None, False),
        (float("nan"), float("nan"), 1000.0, False),
        (0.0, 0.0, 0.0, False),
    ],
)
def test_a_day_that_looks_like_production(top: float, quiet: float, contract: float | None, runs: bool) -> None:
    assert day_runs(DayLook(top, quiet), contract) is runs


def test_one_day_is_a_trial_and_two_are_production() -> None:
    on, off = DayLook(500.0, 10.0), DayLook(30.0, 10.0)
    assert running_look([on, off, off], 1000.0) is None
    assert running_look([off, on, replace(on, top_kw=600.0)], 1000.0) == RunningLook(2, 600.0, 10.0, 1000.0)


@pytest.mark.parametrize("slot_s", [900, 300, 60])
def test_top_and_quiet_equal_a_slow_computation(slot_s: int) -> None:
    chance = np.random.default_rng(slot_s)
    loads = chance.uniform(0, 100, (20, DAY // slot_s))
    loads[chance.random(loads.shape) < np.linspace(0, 1, 20)[:, None]] = np.nan
    tops, quiets = day_looks(loads, slot_s)
    n = round(DEFAULTS.hours * HOUR / slot_s)
    for row, top, quiet in zip(loads, tops, quiets, strict=True):
        known = sorted(x for x in row if x == x)
        if len(known) < DEFAULTS.known_hours * HOUR / slot_s:
            assert (np.isnan(top), np.isnan(quiet)) == (True, True)
        else:
            assert top == pytest.approx(sum(known[-n:]) / n)
            assert quiet == pytest.approx(sum(known[:n]) / n)
    assert 0 < np.isnan(tops).sum() < 20
    assert day_looks(np.empty((0, 96)), 900)[0].shape == (0,)


def test_every_code_has_a_severity_and_every_finding_of_the_made_list_says_what_to_do() -> None:
    assert set(SEVERITY) == set(Code)
    registry = read_registry(PLAN / "registry")
    rows = found(registry)
    assert all(f.zh and f.en and f.do_zh and f.do_en for f in rows)
    assert [f.key for f in rows] == sorted({f.key for f in rows})
    by_code = {code: {f.where.plant_id for f in rows if f.code is code} for code in Code}
    assert by_code[Code.UNLISTED] == {"B03", "E02"}
    assert by_code[Code.APPROVAL_MISSING] == {"C10"}  # the approval of C11 begins that day
    assert by_code[Code.COKING_WITHOUT_PUSHES] == {"J01", "J02", "J04"}
    assert {"C02", "B02", "T02"} <= by_code[Code.LISTED_NOT_COVERED]
    assert {"B04", "C07", "O02"} <= by_code[Code.UNDECIDED]
