"""The office's own files through ``cuofeng import`` into a real database, and again."""

import json
from pathlib import Path

import asyncpg
import pytest

from tests.integration.test_import_command import cuofeng
from tests.unit.office_files import BRICK, CEMENT, LIST, LIST_MERGES, PLAN_MERGES, PLANS, csv_file, workbook


async def query(database_url: str, sql: str) -> list[tuple[object, ...]]:
    """The rows of a query."""
    connection = await asyncpg.connect(database_url)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def test_a_list_then_its_plans_then_both_again(database_url: str, tmp_path: Path) -> None:
    """A CSV file in GB 18030, then a workbook that names the plants of the list."""
    listed = csv_file(tmp_path / "错峰生产企业清单.csv", LIST, "gb18030")
    first = cuofeng(database_url, "import", str(listed))
    assert (first.returncode, first.stderr) == (0, "")
    assert "plants 企业: 3 added" in first.stdout
    assert "listings 错峰生产企业清单: 5 added" in first.stdout
    assert await query(database_url, "SELECT scope_id FROM scopes ORDER BY scope_id") == [
        (plant_id,) for (plant_id,) in await query(database_url, "SELECT plant_id FROM plants ORDER BY plant_id")
    ]

    plans = workbook(tmp_path / "plans.xlsx", {"Sheet1": (PLANS, PLAN_MERGES)})
    second = cuofeng(database_url, "import", str(plans))
    assert second.returncode == 0, second.stderr
    assert "plant_plans 一厂一策: 6 added" in second.stdout
    rows = await query(
        database_url,
        "SELECT plant_id, level, control, reduction, array_to_string(lines_stopped, ';'), residual_kw FROM plant_plans",
    )
    assert set(rows) == {
        (CEMENT, None, None, None, f"{CEMENT}-1号熟料线;{CEMENT}-2号熟料线", 120.0),
        (CEMENT, "yellow", None, 0.3, "", 120.0),
        (CEMENT, "orange", "stop", None, "", 120.0),
        (CEMENT, "red", "stop", None, "", 120.0),
        (BRICK, None, None, None, "", 15.0),
        (BRICK, "red", "stop", None, "", 15.0),
    }
    for path in (listed, plans):
        again = cuofeng(database_url, "import", str(path))
        assert (again.returncode, again.stderr) == (0, "")
        assert "nothing changed" in again.stdout
    assert await query(database_url, "SELECT version FROM registry_state") == [(2,)]


async def test_a_corrected_list_changes_one_row(database_url: str, tmp_path: Path) -> None:
    path = workbook(tmp_path / "清单.xlsx", {"Sheet1": (LIST, LIST_MERGES)})
    assert cuofeng(database_url, "import", str(path)).returncode == 0
    rows = [list(row) for row in LIST]
    rows[7][6] = "限产"
    told = json.loads(
        cuofeng(database_url, "import", str(workbook(path, {"汇总": (rows, LIST_MERGES)})), "--json").stdout
    )
    changed = {name: table["changed"] for name, table in told["tables"].items() if table["changed"] or table["added"]}
    assert changed == {"listings": [{"row": f"郑政文〔2017〕210号 {BRICK}", "columns": ["measure"]}]}
    assert told["marks"] == []


@pytest.mark.parametrize("as_json", [False, True])
async def test_faults_are_told_in_both_languages_and_nothing_is_written(
    database_url: str, tmp_path: Path, as_json: bool
) -> None:
    rows = [list(row) for row in LIST]
    wrong = BRICK[:-1] + ("0" if BRICK[-1] != "0" else "1")
    rows[7][3] = wrong
    path = workbook(tmp_path / "清单.xlsx", {"Sheet1": (rows, LIST_MERGES)})
    refused = cuofeng(database_url, "import", str(path), *(["--json"] if as_json else []))
    assert refused.returncode == 2
    if as_json:
        (error,) = json.loads(refused.stdout)["errors"]
        assert (error["table"], error["row"], error["column"], error["value"]) == (
            "Sheet1",
            8,
            "统一社会信用代码",
            wrong,
        )
        assert f"must be {BRICK[-1]}" in error["en"]
        assert f"校验位应为{BRICK[-1]}" in error["zh"]
    place = f"Sheet1 row 8 (第8行), column 统一社会信用代码 = '{wrong}'"
    assert place in refused.stderr
    assert f"must be {BRICK[-1]}" in refused.stderr
    assert f"校验位应为{BRICK[-1]}" in refused.stderr
    assert await query(database_url, "SELECT count(*) FROM plants") == [(0,)]


async def test_a_list_without_document_is_helped_by_the_option(database_url: str, tmp_path: Path) -> None:
    rows = [list(row) for row in LIST]
    rows[1][0] = None
    path = str(workbook(tmp_path / "清单.xlsx", {"Sheet1": (rows, LIST_MERGES)}))
    assert cuofeng(database_url, "import", path).returncode == 2
    assert cuofeng(database_url, "import", path, "--document", "豫环攻坚办〔2017〕239号").returncode == 0
    assert await query(database_url, "SELECT DISTINCT document FROM listings") == [("豫环攻坚办〔2017〕239号",)]
