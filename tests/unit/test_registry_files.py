"""Reading the office's files: languages, encodings, forms of time and number, workbooks, templates."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from openpyxl.utils import get_column_letter

from detectors.errors import InputError
from detectors.registry import ALWAYS, FOREVER, Registry, Source
from detectors.vocab import Control, Kind, Measure, Role, Scale
from service.db.registry_errors import RegistryErrors
from service.registry import parse_registry, read_registry
from service.registry.cells import CellError, clock_s, day, moment_s, number
from service.registry.columns import Form, plain_header
from service.registry.tables import TABLES
from service.registry.template import write_template

#: A time as a spreadsheet holds it, without a zone.
wall = datetime.fromisoformat
SHANGHAI = ZoneInfo("Asia/Shanghai")
SEASON = int(datetime(2017, 11, 14, 16, tzinfo=UTC).timestamp())  # 2017-11-15 00:00 in Shanghai
CHINESE = {
    "企业": "企业编号*,企业名称*,县区*,合同容量（kW）,属性\n"
    "０１２３, 甲水泥　,登封市,６，３００,fuel=coal；process=熟料\n",
    "计量点": "计量点编号,企业编号,用途,一次二次,数据源\n4101000000000000000001,0123,总表,二次,henan-yc\n",
    "综合倍率": "计量点编号,开始时间,结束时间,综合倍率\n4101000000000000000001,2016/3/1 0:00,,12000\n",
    "停限产令": "文号-序号,企业编号,管控方式,开始时间,结束时间,限产比例,每日开始,每日结束\n"
    "郑政办〔2017〕210号-1,0123,限产,2017年11月15日,2018-03-15 24:00,30%,22:00,06:00\n",
}
ENGLISH = {
    "plants": "plant_id,name,county,contract_kw,attributes\n0123,甲水泥,登封市,6300,fuel=coal;process=熟料\n",
    "meters": "meter_id,plant_id,role,scale,source\n4101000000000000000001,0123,main,secondary,henan-yc\n",
    "multipliers": "meter_id,from,to,factor\n4101000000000000000001,2016-03-01T00:00:00+08:00,,12000\n",
    "orders": "order_id,plant_id,control,from,to,reduction,daily_from,daily_to\n"
    "郑政办〔2017〕210号-1,0123,limit,2017-11-14T16:00:00Z,2018-03-16,0.30,22:00:00,06:00\n",
}


def write(folder: Path, tables: dict[str, str], encoding: str = "utf-8") -> Path:
    """The tables as CSV files."""
    for name, content in tables.items():
        (folder / f"{name}.csv").write_text(content, encoding=encoding)
    return folder


def workbook(path: Path, tables: dict[str, Sequence[Sequence[object]]]) -> Path:
    """The tables as sheets."""
    book = openpyxl.Workbook()
    del book["Sheet"]
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def cells_of(tables: dict[str, str]) -> dict[str, Sequence[Sequence[object]]]:
    """Rows of plain CSV text."""
    return {name: [line.split(",") for line in content.splitlines()] for name, content in tables.items()}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_files_of_any_encoding_read_as_english_ones(tmp_path: Path, encoding: str) -> None:
    for name in ("zh", "en"):
        (tmp_path / name).mkdir()
    chinese = CHINESE | {"企业": CHINESE["企业"].replace("６，３００", '"６，３００"')}
    assert read_registry(write(tmp_path / "zh", chinese, encoding)) == read_registry(write(tmp_path / "en", ENGLISH))


def test_what_the_files_mean(tmp_path: Path) -> None:
    registry = read_registry(write(tmp_path, ENGLISH))
    assert registry.plants[0].plant_id == "0123"
    assert registry.plants[0].contract_kw == 6300.0
    assert registry.plants[0].attributes == {"fuel": "coal", "process": "熟料"}
    meter = registry.meters[0]
    assert (meter.role, meter.scale, meter.kind) == (Role.SUPPLY, Scale.SECONDARY, Kind.POWER_INST)
    assert (meter.unit, meter.period_s, meter.resolution_kwh) == ("kW", 900, 0.01)
    assert (meter.valid_from, meter.valid_to, meter.contract_kw) == (ALWAYS, FOREVER, None)
    assert registry.multipliers[0].valid_to == FOREVER
    order = registry.orders[0]
    assert (order.scope_id, order.control, order.measure) == ("0123", Control.LIMIT, Measure.ENERGY)
    assert (order.valid_from, order.valid_to) == (SEASON, SEASON + 121 * 86400)
    assert (order.daily_from_s, order.daily_to_s) == (22 * 3600, 6 * 3600)
    assert (order.reduction, order.ramp_down_h, order.revision) == (0.3, None, 1)
    assert registry.sources == (Source("henan-yc", 5),)


@pytest.mark.parametrize("tables", [CHINESE, ENGLISH])
def test_a_workbook_reads_as_the_folder(tmp_path: Path, tables: dict[str, str]) -> None:
    path = workbook(tmp_path / "登记.xlsx", cells_of(tables | {"说明": "这里,不读\n"}))
    (tmp_path / "en").mkdir()
    assert read_registry(path) == read_registry(write(tmp_path / "en", ENGLISH))
    assert parse_registry(path).warnings == ()


def test_typed_cells_of_a_workbook(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "r.xlsx",
        {
            "plants": [["plant_id", "name", "county", "industry", "uscc"], [123.0, "甲", "x", 3011, None]],
            "meters": [["meter_id", "plant_id", "from"], [410100000000001, 123, date(2017, 1, 1)]],
            "orders": [
                ["order_id", "plant_id", "control", "from", "to", "reduction", "daily_from", "daily_to", "revision"],
                [1, 123, "limit", wall("2017-11-15 00:00"), wall("2018-03-15 08:30"), 0.3, time(20), time(6), 1.0],
                [None, None, "", None, "  ", None, None, None, None],
                [2, 123, "stop", wall("2017-11-15 00:00"), None, None, time(8), timedelta(days=1), None],
            ],
            "calendar": [["date", "kind"], [wall("2018-02-11 00:00"), "workday"]],
        },
    )
    registry = read_registry(path)
    assert (registry.plants[0].plant_id, registry.plants[0].industry) == ("123", "3011")
    assert registry.meters[0].meter_id == "410100000000001"
    assert registry.meters[0].valid_from == int(datetime(2016, 12, 31, 16, tzinfo=UTC).timestamp())
    first, second = registry.orders
    assert (first.order_id, first.scope_id, first.valid_from, first.revision) == ("1", "123", SEASON, 1)
    assert (first.daily_from_s, first.daily_to_s) == (20 * 3600, 6 * 3600)
    assert (second.daily_from_s, second.daily_to_s) == (8 * 3600, 0)
    assert registry.calendar[0].day == date(2018, 2, 11)


@pytest.mark.parametrize(
    "cell, words",
    [
        (4101000000000000000001, "digits are lost"),
        (1.5, "fraction"),
        (wall("2017-10-01 00:00"), "format the cell as text"),
        (True, "format the cell as text"),
        ("#N/A", "spreadsheet error"),
        ("P\x011", "cannot be stored"),
    ],
)
def test_ids_that_a_spreadsheet_has_spoilt_are_refused(tmp_path: Path, cell: object, words: str) -> None:
    if cell == "P\x011":
        write(tmp_path, {"plants": "plant_id,name,county\nP\x011,甲,x\n"})
        path = tmp_path
    else:
        path = workbook(
            tmp_path / "r.xlsx", {"plants": [["plant_id", "name", "county"], ["P1", "乙", "x"], [cell, "甲", "x"]]}
        )
    with pytest.raises(RegistryErrors) as refused:
        read_registry(path)
    (problem,) = refused.value.problems
    assert problem.column == "plant_id"
    assert problem.row == (2 if path is tmp_path else 3)
    assert words in problem.en


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    write(tmp_path, {"plants": 'plant_id,name,county\nP1,"甲\n厂",x\n\n,,\nP2,,x\n'})
    with pytest.raises(RegistryErrors) as refused:
        read_registry(tmp_path)
    assert [(p.row, p.column) for p in refused.value.problems] == [(5, "name")]


@pytest.mark.parametrize(
    "cell, expected",
    [
        ("2017-11-15", (15, 0, 0)),
        ("2017-11-15 08:30", (15, 8, 30)),
        ("2017-11-15 08:30:00", (15, 8, 30)),
        ("2017-11-15T08:30", (15, 8, 30)),
        ("２０１７-11-15　8:30", (15, 8, 30)),
        ("2017/11/15 8:30", (15, 8, 30)),
        ("2017年11月15日 8:30", (15, 8, 30)),
        ("2017-11-15T00:30:00Z", (15, 8, 30)),
        ("2017-11-14T19:30:00-05:00", (15, 8, 30)),
        ("2017-11-15T08:30:00.000+0800", (15, 8, 30)),
        ("2017-11-15 24:00", (16, 0, 0)),
        (wall("2017-11-15 08:30"), (15, 8, 30)),
        (wall("2017-11-15 08:29:59.999990"), (15, 8, 30)),
        (datetime(2017, 11, 15, 0, 30, tzinfo=UTC), (15, 8, 30)),
        (date(2017, 11, 15), (15, 0, 0)),
    ],
)
def test_forms_of_a_time(cell: object, expected: tuple[int, int, int]) -> None:
    day_of_month, hour, minute = expected
    instant = datetime(2017, 11, day_of_month, hour, minute, tzinfo=SHANGHAI)
    assert moment_s(cell, SHANGHAI) == int(instant.timestamp())


@pytest.mark.parametrize("cell", ["9999-12-31", "9999-12-31T23:59:59+08:00", wall("9999-12-31 00:00")])
def test_a_far_end_is_an_open_end(cell: object) -> None:
    assert moment_s(cell, SHANGHAI) == FOREVER
    assert moment_s("1900-01-01", SHANGHAI) == ALWAYS


def test_local_time_at_a_change_of_the_clocks() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert moment_s("2017-10-29 02:30", berlin) == int(datetime(2017, 10, 29, 0, 30, tzinfo=UTC).timestamp())
    with pytest.raises(CellError, match="skip this local time"):
        moment_s("2018-03-25 02:30", berlin)
    assert moment_s("2018-03-25T02:30:00+01:00", berlin) == int(datetime(2018, 3, 25, 1, 30, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    "cell",
    ["15.11.2017", "2017-13-01", "2017-11-15 8", "2017-11-15 24:01", "2017-11-15T08:30+25:00", 43054.0, True, "now"],
)
def test_what_is_no_time(cell: object) -> None:
    with pytest.raises(CellError):
        moment_s(cell, SHANGHAI)


@pytest.mark.parametrize(
    "cell, seconds",
    [
        ("8:05", 29100),
        ("２２：００", 79200),
        ("24:00", 86400),
        ("23:59:59", 86399),
        (time(6, 30), 23400),
        (0.5, 43200),
        (timedelta(hours=3), 10800),
        (wall("1899-12-31 00:00"), 86400),
    ],
)
def test_forms_of_a_time_of_day(cell: object, seconds: int) -> None:
    assert clock_s(cell) == seconds


@pytest.mark.parametrize("cell", ["25:00", "24:01", "8", "8:5", 2.0, True, wall("2017-01-01 08:00")])
def test_what_is_no_time_of_day(cell: object) -> None:
    with pytest.raises(CellError):
        clock_s(cell)


@pytest.mark.parametrize(
    "cell, value", [("１２．５", 12.5), (" 6,300 ", 6300.0), ("1e3", 1000.0), ("-.5", -0.5), (7, 7.0), ("＋3", 3.0)]
)
def test_forms_of_a_number(cell: object, value: float) -> None:
    assert number(cell) == value


@pytest.mark.parametrize("cell", ["1,5", "0x10", "1_000", "inf", "-", ".", "e5", True, "12kW", float("nan")])
def test_what_is_no_number(cell: object) -> None:
    with pytest.raises(CellError):
        number(cell)


def test_a_day_is_a_day() -> None:
    assert day("2018/2/11") == day(wall("2018-02-11 00:00")) == date(2018, 2, 11)


def test_empty_is_unknown_and_zero_is_zero(tmp_path: Path) -> None:
    header = "scope_id,version,from,running_kw,idle_kw,max_kw,day_kwh\n"
    write(tmp_path, ENGLISH | {"baselines": header + "0123,V1,2017-01-01,100,0,,　\n"})
    (baseline,) = read_registry(tmp_path).baselines
    assert baseline.idle_kw == 0.0
    assert baseline.max_kw is baseline.day_kwh is None


def test_profiles_have_one_value_a_slot(tmp_path: Path) -> None:
    profile = "；".join(["1.5"] * 288)
    write(
        tmp_path,
        ENGLISH | {"baselines": f"scope_id,version,from,running_kw,profile_kw\n0123,V1,2017-01-01,1,{profile}\n"},
    )
    assert read_registry(tmp_path, slot_s=300).baselines[0].profile_kw == (1.5,) * 288
    with pytest.raises(RegistryErrors, match="must hold 96 values"):
        read_registry(tmp_path)


def test_the_whole_day_is_no_window(tmp_path: Path) -> None:
    write(tmp_path, ENGLISH | {"orders": ENGLISH["orders"].replace("22:00:00,06:00", "00:00,24:00")})
    assert read_registry(tmp_path).orders[0].daily_from_s is None


def test_headers_of_a_table_never_collide() -> None:
    titles = [plain_header(title) for table in TABLES for title in table.titles()]
    assert len(titles) == len(set(titles))
    for table in TABLES:
        owner: dict[str, str] = {}
        for column in table.columns:
            for header in column.headers():
                assert owner.setdefault(plain_header(header), column.name) == column.name, (table.name, header)


def _examples() -> dict[str, dict[str, str]]:
    return {t.name: {c.name: c.example for c in t.columns if c.example} for t in TABLES}


@pytest.mark.parametrize("name", ["模板.xlsx", "模板"])
def test_a_template_reads_back_and_its_examples_are_good(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_template(path)
    empty = parse_registry(path)
    assert (empty.registry, empty.errors, empty.warnings) == (Registry(), (), ())
    examples = _examples()
    if path.is_dir():
        for table in TABLES:
            row = ",".join(examples[table.name].get(c.name, "") for c in table.columns)
            with (path / f"{table.name}.csv").open("a", encoding="utf-8") as file:
                file.write(row + "\n")
    else:
        book = openpyxl.load_workbook(path)
        for table in TABLES:
            book[table.zh].append([examples[table.name].get(c.name) for c in table.columns])
        book.save(path)
    parsed = parse_registry(path)
    assert parsed.errors == ()
    assert all(len(getattr(parsed.registry, table.name)) == 1 for table in TABLES)
    with pytest.raises(InputError, match="is there already"):
        write_template(path)


def test_a_template_is_made_for_people(tmp_path: Path) -> None:
    write_template(tmp_path / "t.xlsx")
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert book.sheetnames == ["说明", *(table.zh for table in TABLES)]
    told = {(row[0], row[2]) for row in book["说明"].iter_rows(values_only=True)}
    for table in TABLES:
        sheet = book[table.zh]
        assert sheet.freeze_panes == "A2"
        assert [c.value for c in sheet[1]] == [c.zh + "*" * c.required for c in table.columns]
        ruled = {str(rule.sqref) for rule in sheet.data_validations.dataValidation}
        for place, column in enumerate(table.columns, 1):
            letter = get_column_letter(place)
            assert (table.zh, column.name) in told
            assert column.form is not Form.ID or sheet.column_dimensions[letter].number_format == "@"
            if column.form in (Form.CHOICE, Form.SHARE, Form.INTEGER):
                assert f"{letter}2:{letter}1048576" in ruled
