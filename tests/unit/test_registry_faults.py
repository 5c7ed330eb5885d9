"""Every fault of an office file is told with its row, column and value; all of them at once."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from detectors.errors import InputError
from detectors.registry import Registry
from service.db.registry_checks import check
from service.db.registry_errors import SHOWN, Problem, RegistryErrors
from service.registry import parse_registry, read_registry

#: Tables in which everything is right. Each case below changes one cell or row of them.
GOOD = {
    "plants": "plant_id,name,county,contract_kw,lon,attributes,industry_edition\nP1,甲,登封市,,,,\nP2,乙,新密市,,,,\n",
    "lines": "line_id,plant_id,name,units,kind\nL1,P1,一线,,焦炉\n",
    "meters": "meter_id,plant_id,line_id,role,kind,unit,period_s,from,to\nM1,P1,L1,,,,,,\nM2,P2,,,,,,,\n",
    "multipliers": "meter_id,from,to,factor\nM1,2017-01-01,2017-06-01,10\nM1,2017-06-01,,20\n",
    "scopes": "scope_id,plant_id,name,kind\nS1,P1,工序,推焦\n",
    "scope_meters": "scope_id,meter_id,sign,from,to\nS1,M1,1,2017-01-01,2017-06-01\n",
    "orders": "order_id,scope_id,plant_id,control,from,to,daily_from,daily_to,reduction,cap_kw,units_allowed,measure,"
    "revision,ramp_down_h\nO1,,P1,stop,2017-11-15,2018-03-15,,,,,,,,\n",
    "baselines": "scope_id,version,from,to,running_kw,idle_kw,day_type,profile_kw\n"
    "P1,V1,2017-01-01,2018-01-01,100,,,\n",
    "exemptions": "scope_id,order_id,from,to,max_kw,reason,approved_by\nP1,O1,2017-12-01,2017-12-02,,供暖,市办\n",
    "outages": "plant_id,meter_id,from,to,origin\nP1,,2017-12-01,,供电公司\n",
    "sources": "source,delay_min,cadence\nyc,5,slot\n",
    "listings": "document,plant_id,line_id,clause\n210号,P1,,三(一)1\n",
    "plant_plans": "plant_id,document,line_id,level,lines_stopped,reduction,ramp_down_h,from,to\nP1,210号,,,L1,,,,\n",
    "approvals": "scope_id,from,to,task,max_kw,approved_by,document,filed_with\n"
    "P1,2017-11-15,2017-12-15,heating,5,市政府,函1号,省攻坚办\n",
    "episodes": "episode_id,from,to,level,document\nE1,2017-12-01,2017-12-03,orange,预警1号\n",
    "rotations": "scope_id,from,to,group,document,approved_by\nP1,2017-12-01,2017-12-15,一组,轮1号,工信委\n"
    "P2,2017-12-16,2017-12-31,一组,轮1号,工信委\n",
    "thresholds": "scope_id,rule,name,value,from,to,origin\nP1,stop_run,n_min,30,2017-11-15,2017-12-15,市办\n"
    ",closing,below_min,60,,,市办\n",
    "calendar": "date,kind\n2018-02-11,workday\n",
}


def write(folder: Path, tables: dict[str, str]) -> Path:
    """The tables as CSV files."""
    for name, content in tables.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
    return folder


def faults(folder: Path, tables: dict[str, str]) -> list[Problem]:
    """What is wrong with the tables."""
    with pytest.raises(RegistryErrors) as refused:
        read_registry(write(folder, tables))
    assert refused.value.exit_code == 2
    return list(refused.value.problems)


def test_the_good_tables_are_good(tmp_path: Path) -> None:
    registry = read_registry(write(tmp_path, GOOD))
    assert [o.scope_id for o in registry.orders] == ["P1"]
    assert (registry.lines[0].kind, registry.scopes[0].kind) == ("ovens", "pushes")
    assert len(registry.calendar) == len(registry.outages) == len(registry.exemptions) == 1


@dataclass(frozen=True)
class Case:
    """A row that is added to a good table, and how it must be refused."""

    table: str
    row: str
    column: str
    value: str | None
    en: str


CASES = [
    Case("plants", "P3,,登封市,,,,", "name", None, "must not be empty"),
    Case("plants", "P3,丙,登封市,6 3oo,,,", "contract_kw", "6 3oo", "not a number"),
    Case("plants", "P3,丙,登封市,nan,,,", "contract_kw", "nan", "not a number"),
    Case("plants", "P3,丙,登封市,1e999,,,", "contract_kw", "1e999", "finite"),
    Case("plants", "P3,丙,登封市,0,,,", "contract_kw", "0", "greater than 0"),
    Case("plants", "P3,丙,登封市,,191,,", "lon", "191", "greater than 180"),
    Case("plants", "P3,丙,登封市,,,coal,", "attributes", "coal", "fuel=coal"),
    Case("plants", "P3,丙,登封市,,,a=1;a=2,", "attributes", "a=1;a=2", "twice"),
    Case("plants", "P3,丙,登封市,,,,2012", "industry_edition", "2012", "2011, 2017"),
    Case("plants", "P1,丙,登封市,,,,", "plant_id", "P1", "same row as row 2"),
    Case("plants", "4.1401E+21,丙,登封市,,,,", "plant_id", "4.1401E+21", "digits are lost"),
    Case("lines", "L2,P9,二线,", "plant_id", "P9", "not known"),
    Case("lines", "L2,P1,二线,1.5", "units", "1.5", "whole number"),
    Case("meters", "M3,P9,,,,,,,", "plant_id", "P9", "not known"),
    Case("meters", "M3,P1,L9,,,,,,", "line_id", "L9", "not known"),
    Case("meters", "M3,P2,L1,,,,,,", "line_id", "L1", "line of plant P1"),
    Case("meters", "M3,P1,,spare,,,,,", "role", "spare", "one of: supply"),
    Case("meters", "M3,P1,,,power,,,,", "kind", "power", "energy_int"),
    Case("meters", "M3,P1,,,energy_reg,kW,,,", "unit", "kW", "kWh, Wh, MWh"),
    Case("meters", "M3,P1,,,,,700,,", "period_s", "700", "divide a day"),
    Case("meters", "M3,P1,,,,,,2017-02-30,", "from", "2017-02-30", "no such date"),
    Case("meters", "M3,P1,,,,,,2018-01-01,2018-01-01", "to", "2018-01-01", "before it begins"),
    Case("meters", "M1,P1,,,,,,,", "meter_id", "M1", "same row as row 2"),
    Case("multipliers", "M9,2017-01-01,,10", "meter_id", "M9", "not known"),
    Case("multipliers", "M2,2017-01-01,,0", "factor", "0", "greater than 0"),
    Case("multipliers", "M2,,,1", "from", None, "must not be empty"),
    Case("multipliers", "M1,2017-05-01,2017-05-02,10", "from", "2017-05-01T00:00+08:00", "overlaps"),
    Case("scopes", "S2,P9,x", "plant_id", "P9", "not known"),
    Case("scopes", "P2,P1,x", "scope_id", "P2", "default scope"),
    Case("scope_meters", "S9,M1,,,", "scope_id", "S9", "not known"),
    Case("scope_meters", "S1,M9,,,", "meter_id", "M9", "not known"),
    Case("scope_meters", "S1,M1,2,,", "sign", "2", "one of: 1, -1"),
    Case("scope_meters", "S1,M1,,2017-05-01,", "from", "2017-05-01T00:00+08:00", "overlaps"),
    Case("orders", "O2,,,stop,2017-11-15,,,,,,,,,", "scope_id", None, "neither"),
    Case("orders", "O2,S9,,stop,2017-11-15,,,,,,,,,", "scope_id", "S9", "not known"),
    Case("orders", "O2,,P9,stop,2017-11-15,,,,,,,,,", "plant_id", "P9", "not known"),
    Case("orders", "O2,S1,P2,stop,2017-11-15,,,,,,,,,", "plant_id", "P2", "of plant P1"),
    Case("orders", "O2,,P1,halt,2017-11-15,,,,,,,,,", "control", "halt", "stop, limit, cap"),
    Case("orders", "O2,,P1,stop,soon,,,,,,,,,", "from", "soon", "not a time"),
    Case("orders", "O2,,P1,stop,2017-11-15 25:00,,,,,,,,,", "from", "2017-11-15 25:00", "no such time of day"),
    Case("orders", "O2,,P1,stop,2017-11-15,2017-11-14,,,,,,,,", "to", "2017-11-14", "before it begins"),
    Case("orders", "O2,,P1,limit,2017-11-15,,,,,,,,,", "reduction", None, "needs its reduction"),
    Case("orders", "O2,,P1,limit,2017-11-15,,,,30,,,,,", "reduction", "30", "did you mean 0.30?"),
    Case("orders", "O2,,P1,limit,2017-11-15,,,,-0.1,,,,,", "reduction", "-0.1", "0..1"),
    Case("orders", "O2,,P1,limit,2017-11-15,,,,130%,,,,,", "reduction", "130%", "0..1"),
    Case("orders", "O2,,P1,cap,2017-11-15,,,,,,,,,", "cap_kw", None, "needs its cap_kw"),
    Case("orders", "O2,,P1,units,2017-11-15,,,,,,,,,", "units_allowed", None, "units_allowed or reduction"),
    Case("orders", "O2,,P1,stop,2017-11-15,,,,,,,energy,,", "measure", "energy", "only a limit"),
    Case("orders", "O2,,P1,stop,2017-11-15,,22:00,,,,,,,", "daily_to", None, "both its ends"),
    Case("orders", "O2,,P1,stop,2017-11-15,,8:00,08:00,,,,,,", "daily_to", "08:00", "empty"),
    Case("orders", "O2,,P1,stop,2017-11-15,,8:61,09:00,,,,,,", "daily_from", "8:61", "time of day"),
    Case("orders", "O2,,P1,stop,2017-11-15,,,,,,,,0,", "revision", "0", "less than 1"),
    Case("orders", "O2,,P1,stop,2017-11-15,,,,,,,,,-1", "ramp_down_h", "-1", "less than 0"),
    Case("orders", "O1,,P1,stop,2017-11-15,,,,,,,,1,", "order_id", "O1", "same row as row 2"),
    Case("baselines", "P9,V1,2017-01-01,,100,,,", "scope_id", "P9", "not known"),
    Case("baselines", "P2,V1,2017-01-01,,-1,,,", "running_kw", "-1", "less than 0"),
    Case("baselines", "P1,V2,2017-12-01,,100,,,", "from", "2017-12-01T00:00+08:00", "overlaps V1"),
    Case("baselines", "P1,V1,2018-01-01,,100,,,", "scope_id", "P1", "same row as row 2"),
    Case("baselines", "P2,V1,2017-01-01,,100,,sunday,", "day_type", "sunday", "restday"),
    Case("baselines", "P2,V1,2017-01-01,,100,,,1;2;3", "profile_kw", "1;2;3", "96 values"),
    Case("exemptions", "P1,O9,2017-12-01,2017-12-02,,r,a", "order_id", "O9", "not known"),
    Case("exemptions", "P2,O1,2017-12-01,2017-12-02,,r,a", "order_id", "O1", "order for scope P1"),
    Case("exemptions", "P1,,2017-12-01,,,r,a", "to", None, "must not be empty"),
    Case("exemptions", "P1,,2017-12-01,2017-12-02,-5,r,a", "max_kw", "-5", "less than 0"),
    Case("exemptions", "P1,O1,2017-12-01,2017-12-05,,r,a", "scope_id", "P1", "same row as row 2"),
    Case("outages", "P1,M1,2017-12-01,,x", "plant_id", "P1", "either a plant or a meter"),
    Case("outages", ",,2017-12-01,,x", "plant_id", None, "either a plant or a meter"),
    Case("outages", ",M9,2017-12-01,,x", "meter_id", "M9", "not known"),
    Case("sources", "yc2,-1,slot", "delay_min", "-1", "less than 0"),
    Case("sources", "yc2,5,weekly", "cadence", "weekly", "slot, daily"),
    Case("orders", "O2,,P1,stop,2017-11-15,2017-11-15,,,,,,,1,", "to", "2017-11-15", "at once"),
    Case("orders", "O2,,P1,stop,2017-11-15,2017-11-14,,,,,,,2,", "to", "2017-11-14", "before it begins"),
    Case("listings", ",P2,,", "document", None, "must not be empty"),
    Case("listings", "210号,P9,,", "plant_id", "P9", "not known"),
    Case("listings", "210号,P2,L1,", "line_id", "L1", "line of plant P1"),
    Case("listings", "210号,P1,,三(一)2", "plant_id", "P1", "same row as row 2"),
    Case("plant_plans", "P2,210号,,,L1,,,,", "lines_stopped", "L1", "line of plant P1"),
    Case("plant_plans", "P1,210号,L1,,L7、L1,,,,", "lines_stopped", "L7、L1", "L7 is no line of the plant; known"),
    Case("plant_plans", "P1,210号,,蓝色,,,,,", "level", "蓝色", "yellow, orange, red"),
    Case("plant_plans", "P2,210号,,,,30,,,", "reduction", "30", "did you mean 0.30?"),
    Case("plant_plans", "P2,210号,,,,,900,,", "ramp_down_h", "900", "greater than 720"),
    Case("plant_plans", "P2,210号,,,,,,2018-01-01,2018-01-01", "to", "2018-01-01", "before it begins"),
    Case("approvals", "P1,2017-12-01,,waste,5,市政府,函2号", "from", "2017-12-01T00:00+08:00", "overlaps"),
    Case("approvals", "P2,2017-12-01,,party,5,市政府,函2号", "task", "party", "heating, waste, other"),
    Case("approvals", "P2,2017-12-01,,waste,,市政府,函2号", "max_kw", None, "must not be empty"),
    Case("approvals", "P9,2017-12-01,,waste,5,市政府,函2号", "scope_id", "P9", "not known"),
    Case("episodes", "E1,2017-12-02,,red,预警2号", "from", "2017-12-02T00:00+08:00", "overlaps"),
    Case("episodes", "E2,2017-12-02,,blue,预警2号", "level", "blue", "yellow, orange, red"),
    Case("rotations", "P9,2017-12-01,2017-12-15,一组,轮1号,工信委", "scope_id", "P9", "not known"),
    Case("rotations", "P2,2017-12-15,,一组,轮1号,工信委", "to", None, "must not be empty"),
    Case("thresholds", "P9,stop_run,n_min,30,,,x", "scope_id", "P9", "not known"),
    Case("thresholds", "P1,stop_walk,n_min,30,,,x", "rule", "stop_walk", "one of: stop_run"),
    Case("thresholds", "P1,stop_run,o_min,30,,,x", "name", "o_min", "n_min, m_min, margin"),
    Case("thresholds", "P1,stop_run,margin,0.7,,,x", "value", "0.7", "stop_run.margin is 0 … 0.5 share"),
    Case("thresholds", "P1,stop_run,margin,5%,,,x", "value", "5%", "not a number"),
    Case("thresholds", "P1,stop_run,margin,0.1,,,", "origin", None, "must not be empty"),
    Case("thresholds", "P2,stop_run,n_min,90,,,x", "value", "90.0", "n_min 90 would be above m_min 60"),
    Case("thresholds", ",stop_run,unknown_high,0.1,2017-12-01,,x", "value", "0.1", "unknown_low 0.15 would be above"),
    Case("thresholds", "P1,stop_run,n_min,15,2017-12-01,,x", "from", "2017-12-01T00:00+08:00", "overlaps"),
    Case("thresholds", ",closing,below_min,30,2017-12-01,,x", "from", "2017-12-01T00:00+08:00", "overlaps"),
    Case("thresholds", "P1,bad_data,capacity_factor,2,,,x", "scope_id", "P1", "set for all"),
    Case("calendar", "2018-02-11,holiday", "date", "2018-02-11", "same row as row 2"),
    Case("calendar", "2018-02-12 08:00,holiday", "date", "2018-02-12 08:00", "not a date"),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{c.table}-{c.column}-{c.row}" for c in CASES])
def test_a_fault_names_row_column_value_and_reason(tmp_path: Path, case: Case) -> None:
    tables = GOOD | {case.table: GOOD[case.table] + case.row + "\n"}
    (problem,) = faults(tmp_path, tables)
    assert problem.table == f"{case.table}.csv"
    assert problem.row == tables[case.table].count("\n")
    assert problem.column == case.column
    assert problem.value == case.value
    assert case.en in problem.en
    assert problem.zh
    assert problem.zh.isascii() is False
    for shown in (f"{case.table}.csv row {problem.row}", problem.column, problem.en, problem.zh):
        assert shown in str(problem)


def test_all_faults_are_told_at_once_and_a_refused_row_is_still_known(tmp_path: Path) -> None:
    tables = GOOD | {
        "plants": GOOD["plants"].replace("P1,甲,登封市,,", "P1,甲,登封市,-5,abc"),
        "orders": GOOD["orders"] + "O2,,P2,limit,2017-11-15,,,,55,,,,,\n",
    }
    assert [(p.table, p.row, p.column, p.value) for p in faults(tmp_path, tables)] == [
        ("plants.csv", 2, "contract_kw", "-5"),
        ("plants.csv", 2, "lon", "abc"),
        ("orders.csv", 3, "reduction", "55"),
    ]


def test_faults_name_the_headers_of_the_file(tmp_path: Path) -> None:
    content = "企业编号,企业名称,县区,合同容量（kW）\nP1,甲,登封市,无\n"
    (tmp_path / "企业.csv").write_text(content, encoding="utf-8")
    with pytest.raises(RegistryErrors) as refused:
        read_registry(tmp_path)
    (problem,) = refused.value.problems
    assert (problem.table, problem.row, problem.column, problem.value) == ("企业.csv", 2, "合同容量（kW）", "无")


def test_missing_and_doubled_columns_are_told_once(tmp_path: Path) -> None:
    problems = faults(tmp_path, {"plants": "plant_id,name,企业名称\nP1,甲,甲\nP2,乙,乙\n"})
    assert [(p.row, p.column) for p in problems] == [(None, "企业名称"), (None, "county")]
    assert "column name" in problems[0].en
    assert "缺少必填列“县区”" in problems[1].zh


def test_a_row_longer_than_its_header_is_refused(tmp_path: Path) -> None:
    problems = faults(tmp_path, {"sources": "source,delay_min\nyc,5,slot\n"})
    assert [(p.row, "more cells" in p.en) for p in problems] == [(2, True)]


def test_the_text_of_many_faults_is_bounded(tmp_path: Path) -> None:
    tables = {"plants": "plant_id,name,county\n" + "".join(f"P{i},,x\n" for i in range(SHOWN + 7))}
    write(tmp_path, tables)
    with pytest.raises(RegistryErrors, match="and 7 more") as refused:
        read_registry(tmp_path)
    assert len(refused.value.problems) == SHOWN + 7
    assert len(str(refused.value).splitlines()) == SHOWN + 2


def test_what_is_odd_but_legal_is_a_warning(tmp_path: Path) -> None:
    tables = GOOD | {
        "baselines": GOOD["baselines"] + "P2,V1,2017-01-01,,0,,,\nS1,V1,2017-01-01,,10,11,,\n",
        "scope_meters": GOOD["scope_meters"] + "S1,M2,,,\n",
        "meters": "meter_id,plant_id,line_id,scale,颜色\nM1,P1,L1,,红\nM2,P2,,secondary,\n",
        "其他": "a,b\n1,2\n",
    }
    parsed = parse_registry(write(tmp_path, tables))
    found = check(parsed.registry, Registry(), parsed.origins)
    assert not parsed.errors
    assert not found.errors
    told = [(w.table, w.row, w.column) for w in (*parsed.warnings, *found.warnings)]
    assert set(told) == {
        ("其他.csv", None, None),
        ("meters.csv", None, "颜色"),
        ("baselines.csv", 3, "running_kw"),
        ("baselines.csv", 4, "idle_kw"),
        ("scope_meters.csv", 3, "meter_id"),
        ("meters.csv", 3, "meter_id"),
    }


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("absent", None, "no such file"),
        ("registry.pdf", b"%PDF", "XLSX workbook or CSV files"),
        ("registry.xlsx", b"no zip", "cannot be read as a workbook"),
    ],
)
def test_what_is_no_registry_is_refused(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        parse_registry(tmp_path / name)


def test_one_csv_file_is_a_registry_too(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    parsed = parse_registry(tmp_path / "plants.csv")
    assert ([p.plant_id for p in parsed.registry.plants], parsed.registry.lines) == (["P1", "P2"], ())


def test_a_folder_without_any_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no table of the registry"):
        parse_registry(tmp_path)


@pytest.mark.parametrize(
    "content", [b"plant_id,name,county\nP1,\xff\xff\xff,x\n", b'plant_id,name,county\nP1,"a"b,x\n']
)
def test_a_file_that_is_no_csv_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plants.csv").write_bytes(content)
    with pytest.raises(RegistryErrors, match=r"plants\.csv: cannot be read as CSV"):
        read_registry(tmp_path)


def test_the_same_table_twice_is_refused(tmp_path: Path) -> None:
    for name in ("plants", "企业"):
        (tmp_path / f"{name}.csv").write_text("plant_id,name,county\n", encoding="utf-8")
    with pytest.raises(RegistryErrors, match="holds plants again"):
        read_registry(tmp_path)
