"""The lists and plans of offices as they hold them: XLSX with merged cells, CSV in the encodings of the office."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from detectors.registry import Line, Listing, Meter, Multiplier, Plant, PlantPlan, Registry
from detectors.vocab import Control
from service.db.registry_checks import check
from service.registry import Parsed, parse_registry
from tests.unit.office_files import (
    BRICK,
    CEMENT,
    FOUNDRY,
    LIST,
    LIST_MERGES,
    PLAN_MERGES,
    PLANS,
    Rows,
    csv_file,
    uscc,
    workbook,
)

DOCUMENT = "郑政文〔2017〕210号"
PLANTS = (
    Plant(CEMENT, "登封甲水泥有限公司", "登封市", CEMENT, "3011", "2017"),
    Plant(BRICK, "新密乙砖厂", "新密市", BRICK, "3031", "2017"),
    Plant(FOUNDRY, "荥阳丙铸造有限公司", "荥阳市", FOUNDRY, "3391", "2017"),
)
LINES = tuple(Line(f"{CEMENT}-{name}", CEMENT, name) for name in ("1号熟料线", "2号熟料线", "水泥磨"))
OFFICES = {
    CEMENT: ("登封市工信委", "0371-6280001", "张某"),
    BRICK: ("新密市工信委", "0371-6280002", "李某"),
    FOUNDRY: ("荥阳市工信委", "3716280003", "王某"),
}
LISTINGS = (
    *(
        Listing(DOCUMENT, CEMENT, line.line_id, None, measure, *OFFICES[CEMENT])
        for line, measure in zip(LINES, ("停产", "停产", "不停产"), strict=True)
    ),
    Listing(DOCUMENT, BRICK, None, None, "停产", *OFFICES[BRICK]),
    Listing(DOCUMENT, FOUNDRY, None, None, "停产", *OFFICES[FOUNDRY]),
)
KNOWN = Registry(plants=PLANTS, lines=LINES)


def from_workbook(folder: Path, rows: Rows) -> Path:
    """The list as a workbook whose sheet is called as the spreadsheet calls it."""
    return workbook(folder / "清单.xlsx", {"Sheet1": (rows, LIST_MERGES)})


FORMS: dict[str, Callable[[Path, Rows], Path]] = {
    "xlsx": from_workbook,
    "csv in gb18030": lambda folder, rows: csv_file(folder / "错峰生产企业清单.csv", rows, "gb18030"),
    "csv in utf-8": lambda folder, rows: csv_file(folder / "登封等县区上报.csv", rows, "utf-8-sig"),
}


EMPTY = Registry()


def problems(parsed: Parsed, stored: Registry = EMPTY) -> list[tuple[str, int | None, str | None, str | None]]:
    """Where something is wrong, of cells and of rows compared."""
    found = check(parsed.registry, stored, parsed.origins)
    return [(p.table, p.row, p.column, p.value) for p in (*parsed.errors, *found.errors)]


@pytest.mark.parametrize("form", FORMS)
def test_a_list_makes_plants_lines_and_listings(tmp_path: Path, form: str) -> None:
    parsed = parse_registry(FORMS[form](tmp_path, LIST))
    assert problems(parsed) == []
    assert parsed.registry.plants == PLANTS
    assert parsed.registry.lines == LINES
    if form == "xlsx":
        assert parsed.registry.listings == LISTINGS
    else:  # a CSV file holds what was merged once; only the plant is carried down
        assert [(x.plant_id, x.line_id, x.measure) for x in parsed.registry.listings] == [
            (x.plant_id, x.line_id, x.measure) for x in LISTINGS
        ]
    assert parsed.warnings == ()


def test_a_list_leaves_what_is_known_and_names_plants_by_id_code_or_name(tmp_path: Path) -> None:
    stored = Registry(
        plants=(
            replace(PLANTS[0], plant_id="P1", attributes={"process": "clinker"}, lon=113.0, industry=None),
            replace(PLANTS[1], plant_id="P2", uscc=None, contract_kw=800.0),
            replace(PLANTS[2], plant_id="P3", uscc=None, name="旧名"),
        ),
        lines=(Line("P1-K1", "P1", "１号 熟料线", "kiln", 1),),
    )
    rows = [list(row) for row in LIST]
    rows[2][0], rows[8][0] = "企业编号", "P3"
    for row in rows[4:8]:
        row[0] = None
    parsed = parse_registry(from_workbook(tmp_path, rows), stored=stored)
    assert problems(parsed, stored) == []
    assert parsed.registry.plants == (
        replace(stored.plants[0], industry="3011"),
        replace(stored.plants[1], uscc=BRICK),
        replace(stored.plants[2], uscc=FOUNDRY, name="荥阳丙铸造有限公司"),
    )
    assert [line.line_id for line in parsed.registry.lines] == ["P1-2号熟料线", "P1-水泥磨"]
    assert [(x.plant_id, x.line_id) for x in parsed.registry.listings] == [
        ("P1", "P1-K1"),
        ("P1", "P1-2号熟料线"),
        ("P1", "P1-水泥磨"),
        ("P2", None),
        ("P3", None),
    ]
    assert [(w.row, w.column) for w in parsed.warnings] == [(9, "企 业 名 称")]


def test_the_same_list_again_says_nothing_new_of_plants(tmp_path: Path) -> None:
    parsed = parse_registry(from_workbook(tmp_path, LIST), stored=KNOWN)
    assert (parsed.registry.plants, parsed.registry.lines) == ((), ())
    assert parsed.registry.listings == LISTINGS


def test_what_a_list_replaces_is_told_once(tmp_path: Path) -> None:
    stored = Registry(plants=(replace(PLANTS[0], county="巩义市", industry="3021"), *PLANTS[1:]), lines=LINES)
    parsed = parse_registry(from_workbook(tmp_path, LIST), stored=stored)
    assert parsed.registry.plants == (PLANTS[0],)
    assert [(w.row, w.column, w.en) for w in parsed.warnings] == [
        (5, "县（市、 区）", "is stored as 巩义市: replaced"),
        (5, "行业代码 （2017）", "is stored as 3021: replaced"),
    ]
    assert "巩义市" in parsed.warnings[0].zh


def changed(row: int, column: int, value: object) -> Rows:
    """The list with one other cell; rows and columns as a spreadsheet counts them."""
    rows = [list(cells) for cells in LIST]
    rows[row - 1][column - 1] = value
    return rows


WRONG = CEMENT[:-1] + ("0" if CEMENT[-1] != "0" else "1")
FAULTS = [
    (changed(5, 4, WRONG), (5, "统一社会信用代码", WRONG), f"must be {CEMENT[-1]}", f"校验位应为{CEMENT[-1]}"),
    (changed(8, 4, "410100000012345"), (8, "统一社会信用代码", "410100000012345"), "18 characters", "工商注册号"),
    (
        changed(8, 4, 914101000000123456),
        (8, "统一社会信用代码", "9.141010000001234e+17"),
        "digits are lost",
        "文本格式",
    ),
    (changed(8, 4, BRICK.replace("M", "O")), (8, "统一社会信用代码", BRICK.replace("M", "O")), "has no O", "不含字符O"),
    (changed(8, 5, "3035"), (8, "行业代码 （2017）", "3035"), "no code of GB/T 4754-2017", "GB/T 4754-2017中无此代码"),
    (changed(8, 5, "砖瓦"), (8, "行业代码 （2017）", "砖瓦"), "holds no GB/T 4754 code", "未含行业代码"),
    (changed(9, 4, None), (9, "企 业 名 称", "荥阳丙铸造有限公司"), "neither plant_id nor code", "无法建档"),
    (changed(9, 2, None), (9, "县（市、 区）", None), "a new plant needs its county", "新建企业须填此项"),
    (changed(9, 3, None), (9, "企 业 名 称", None), "a new plant needs its name", "新建企业须填此项"),
    (changed(9, 4, BRICK), (9, "企 业 名 称", "荥阳丙铸造有限公司"), "row 8 says 新密乙砖厂", "第8行"),
    (changed(9, 6, "=1/0"), None, "", ""),
]


@pytest.mark.parametrize("rows, place, en, zh", FAULTS, ids=range(len(FAULTS)))
def test_faults_of_a_list_say_sheet_row_column_value_and_reason(
    tmp_path: Path, rows: Rows, place: tuple[int, str, str | None] | None, en: str, zh: str
) -> None:
    parsed = parse_registry(from_workbook(tmp_path, rows))
    assert [(p.table, p.row, p.column, p.value) for p in parsed.errors] == ([("Sheet1", *place)] if place else [])
    assert all(en in p.en and zh in p.zh for p in parsed.errors)


def test_two_plants_of_one_name_are_not_guessed(tmp_path: Path) -> None:
    twins = Registry(plants=(Plant("P1", "新密乙砖厂", "新密市"), Plant("P2", "新密乙砖厂", "新密市")))
    (problem,) = parse_registry(from_workbook(tmp_path, LIST), stored=twins).errors
    assert (problem.row, problem.column) == (8, "企 业 名 称")
    assert "P1, P2" in problem.en
    assert "P1, P2" in problem.zh
    other = Registry(plants=(Plant("P1", "新密乙砖厂", "新密市", uscc("MA3X00009")),))
    (problem,) = parse_registry(from_workbook(tmp_path, LIST), stored=other).errors
    assert (problem.row, problem.column) == (8, "统一社会信用代码")
    assert uscc("MA3X00009") in problem.en


def test_a_list_without_document_takes_the_one_given_with_the_file(tmp_path: Path) -> None:
    path = from_workbook(tmp_path, changed(2, 1, None))
    (problem,) = parse_registry(path).errors
    assert (problem.table, problem.row, problem.column) == ("Sheet1", None, "文件")
    assert "--document" in problem.en
    assert "--document" in problem.zh
    parsed = parse_registry(path, document="豫环攻坚办〔2017〕239号")
    assert {x.document for x in parsed.registry.listings} == {"豫环攻坚办〔2017〕239号"}


def test_lines_that_are_only_counted_are_no_lines(tmp_path: Path) -> None:
    parsed = parse_registry(from_workbook(tmp_path, changed(9, 6, "2条生产线")))
    assert parsed.registry.listings[-1].line_id is None
    assert [(w.row, w.column, w.value) for w in parsed.warnings] == [(9, "生产线（工序）", "2条生产线")]


def test_a_code_without_edition_is_doubted_where_it_means_two_things(tmp_path: Path) -> None:
    rows = [list(row) for row in LIST]
    rows[2][4] = "行业类别/行业代码"
    rows[4][4], rows[7][4], rows[8][4] = "水泥制造（3011）", "砖瓦", "黑色金属铸造 3391"
    parsed = parse_registry(from_workbook(tmp_path, rows))
    assert parsed.errors == ()
    assert [p.industry for p in parsed.registry.plants] == ["3011", None, "3391"]
    told = {w.row: w.en for w in parsed.warnings}
    assert "edition" in told[5]
    assert "no industry code" in told[8]
    assert "锻件及粉末冶金制品制造 in GB/T 4754-2011 and 黑色金属铸造 in 2017" in told[9]


@pytest.mark.parametrize("merges", [PLAN_MERGES, ()], ids=["merged", "as CSV files have it"])
def test_plans_of_plants_make_a_row_a_level(tmp_path: Path, merges: tuple[str, ...]) -> None:
    rows = [list(row) for row in PLANS]
    if not merges:
        rows[3][8] = "停产"
        path = csv_file(tmp_path / "一厂一策.csv", rows, "gb18030")
    else:
        path = workbook(tmp_path / "plans.xlsx", {"汇总": (rows, merges)})
    parsed = parse_registry(path, stored=KNOWN)
    assert problems(parsed, KNOWN) == []
    cement = PlantPlan(
        CEMENT,
        DOCUMENT,
        residual_kw=120.0,
        ramp_down_h=48.0,
        office="登封市工信委",
        office_phone="0371-6280001",
    )
    brick = replace(
        cement,
        plant_id=BRICK,
        residual_kw=15.0,
        ramp_down_h=24.0,
        office="新密市工信委",
        office_phone="0371-6280002",
        measure="停产",
    )
    assert parsed.registry.plant_plans == (
        replace(cement, measure="按方案", lines_stopped=tuple(line.line_id for line in LINES[:2])),
        replace(cement, level="yellow", measure="限产30%", reduction=0.30),
        replace(cement, level="orange", measure="停产", control=Control.STOP),
        replace(cement, level="red", measure="停产", control=Control.STOP),
        brick,
        replace(brick, level="red", control=Control.STOP),
    )


def test_a_plan_for_a_plant_or_line_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    rows = [list(row) for row in PLANS]
    rows[3][1], rows[4][0] = "3号熟料线", "丁厂"
    parsed = parse_registry(workbook(tmp_path / "plans.xlsx", {"一厂一策": (rows, PLAN_MERGES)}), stored=KNOWN)
    assert problems(parsed, KNOWN) == [
        ("一厂一策", 4, "停产生产线", "3号熟料线"),
        ("一厂一策", 5, "企业名称", "丁厂"),
    ]
    assert "1号熟料线, 2号熟料线, 水泥磨" in parsed.errors[0].zh


def test_list_plans_and_meters_in_one_workbook(tmp_path: Path) -> None:
    meters = (
        ("郑州市错峰生产企业用电户号清单", None, None, None, None),
        ("户号", "用户名称", "计量点编号", "综合倍率", "运行容量（kVA）"),
        ("4100000001", "登封甲水泥有限公司", "4101000000000000000001", 12000, "6300kVA"),
        ("4100000002", "新密 乙砖厂", "4101000000000000000002", "８００", 315),
    )
    path = workbook(
        tmp_path / "全套.xlsx",
        {"户号": (meters, ("A1:E1",)), "一厂一策": (PLANS, PLAN_MERGES), "清单": (LIST, LIST_MERGES)},
    )
    parsed = parse_registry(path)
    assert problems(parsed) == []
    assert parsed.registry.meters == (
        Meter("4101000000000000000001", CEMENT, account="4100000001", contract_kw=6300.0),
        Meter("4101000000000000000002", BRICK, account="4100000002", contract_kw=315.0),
    )
    assert [(m.meter_id, m.factor) for m in parsed.registry.multipliers] == [
        ("4101000000000000000001", 12000.0),
        ("4101000000000000000002", 800.0),
    ]
    assert isinstance(parsed.registry.multipliers[0], Multiplier)
    assert len(parsed.registry.plant_plans) == 6


def test_approvals_and_exemptions_may_name_the_plant(tmp_path: Path) -> None:
    approvals = (
        ("承担保民生任务企业核定表", None, None, None, None, None),
        ("企业名称", "承担任务", "最大允许生产负荷（kW）", "开始时间", "批准单位", "批准文号"),
        (
            "登封甲水泥有限公司",
            "协同处置城市垃圾或危险废物",
            "2400",
            "2017-11-15",
            "郑州市人民政府",
            "郑政函〔2017〕9号",
        ),
    )
    exemptions = (
        ("统一社会信用代码", "起", "止", "豁免理由", "批准单位"),
        (BRICK, "2017-12-01", "2017-12-03", "设备检修供热", "市环境攻坚办"),
    )
    path = workbook(tmp_path / "x.xlsx", {"Sheet1": (approvals, ("A1:F1",)), "豁免清单": (exemptions, ())})
    parsed = parse_registry(path, stored=KNOWN)
    assert problems(parsed, KNOWN) == []
    assert [(a.scope_id, a.task, a.max_kw) for a in parsed.registry.approvals] == [(CEMENT, "waste", 2400.0)]
    assert [(e.scope_id, e.max_kw) for e in parsed.registry.exemptions] == [(BRICK, None)]
