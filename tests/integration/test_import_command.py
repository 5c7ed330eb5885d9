"""``cuofeng import`` as it is typed: exit codes, what it prints, a check that writes nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

TABLES = {
    "企业": "企业编号,企业名称,县区\nP1,甲厂,登封市\n",
    "计量点": "计量点编号,企业编号,数据源\n4101000000000000000001,P1,yc\n",
    "停限产令": "文号-序号,企业编号,管控方式,开始时间,结束时间,限产比例\nO1,P1,限产,2017-11-15,2018-03-15,0.30\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of good CSV files."""
    for name, content in TABLES.items():
        (tmp_path / f"{name}.csv").write_text(content, encoding="gb18030")
    return tmp_path


def cuofeng(database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command against a database."""
    return subprocess.run(
        [sys.executable, "-c", "from service.cli import main; main()", *arguments],
        env=os.environ | {"CUOFENG_DATABASE_URL": database_url, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


async def state(database_url: str) -> tuple[int, int, int, int]:
    """(registry version, plants, orders, dirty marks)."""
    connection = await asyncpg.connect(database_url)
    try:
        return tuple(
            await connection.fetchrow(
                "SELECT (SELECT version FROM registry_state), (SELECT count(*) FROM plants),"
                " (SELECT count(*) FROM orders), (SELECT count(*) FROM dirty_scopes)"
            )
        )
    finally:
        await connection.close()


async def test_a_check_shows_and_writes_nothing_then_the_import_writes(database_url: str, folder: Path) -> None:
    check = cuofeng(database_url, "import", str(folder), "--check")
    assert (check.returncode, check.stderr) == (0, "")
    assert "plants 企业: 1 added, 0 changed, 0 unchanged\n  + P1\n" in check.stdout
    assert "checked only: nothing was written" in check.stdout
    assert await state(database_url) == (0, 0, 0, 0)

    first = cuofeng(database_url, "import", str(folder))
    assert first.returncode == 0
    assert "imported: registry version 1" in first.stdout
    assert await state(database_url) == (1, 1, 1, 1)

    again = cuofeng(database_url, "import", str(folder))
    assert again.returncode == 0
    assert "plants 企业: 0 added, 0 changed, 1 unchanged" in again.stdout
    assert "nothing changed" in again.stdout
    assert await state(database_url) == (1, 1, 1, 1)


async def test_json_names_what_changed(database_url: str, folder: Path) -> None:
    cuofeng(database_url, "import", str(folder))
    (folder / "企业.csv").write_text("企业编号,企业名称,县区,颜色\nP1,甲厂,新密市,红\n", encoding="utf-8")
    told = json.loads(cuofeng(database_url, "import", str(folder), "--json").stdout)
    assert told["version"] == 2
    assert told["tables"]["plants"] == {
        "added": [],
        "changed": [{"row": "P1", "columns": ["county"]}],
        "unchanged": 0,
    }
    assert told["marks"] == []
    assert [w["column"] for w in told["warnings"]] == ["颜色"]


async def test_faults_are_listed_and_nothing_is_written(database_url: str, folder: Path) -> None:
    with (folder / "停限产令.csv").open("a", encoding="gb18030") as file:
        file.write("O2,P1,限产,2017-11-15,2018-03-15,30\nO3,P7,停产,2017-11-15,,\n")
    refused = cuofeng(database_url, "import", str(folder))
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "停限产令.csv row 3 (第3行), column 限产比例 = '30': reduction is 0..1; did you mean 0.30?" in refused.stderr
    assert "停限产令.csv row 4 (第4行), column 企业编号 = 'P7': is not known / 不存在" in refused.stderr
    assert "Traceback" not in refused.stderr
    told = json.loads(cuofeng(database_url, "import", str(folder), "--json").stdout)
    assert [(e["row"], e["column"], e["value"]) for e in told["errors"]] == [
        (3, "限产比例", "30"),
        (4, "企业编号", "P7"),
    ]
    assert await state(database_url) == (0, 0, 0, 0)


async def test_the_zone_of_times_without_offset(database_url: str, folder: Path) -> None:
    assert cuofeng(database_url, "import", str(folder), "--zone", "Europe/Berlin").returncode == 0
    connection = await asyncpg.connect(database_url)
    try:
        begin = await connection.fetchval("SELECT valid_from FROM orders")
    finally:
        await connection.close()
    assert begin.isoformat() == "2017-11-14T23:00:00+00:00"
    assert cuofeng(database_url, "import", str(folder), "--zone", "Mars/Base").returncode == 2
    other = cuofeng(database_url, "import", str(folder), "--zone", "Asia/Shanghai")
    assert other.returncode == 2
    assert "Europe/Berlin" in other.stderr


@pytest.mark.parametrize("arguments", [["import"], ["import", "no-such-folder"]])
def test_bad_usage_is_told_in_a_line(arguments: list[str]) -> None:
    refused = cuofeng("postgresql://nobody@127.0.0.1:1/none", *arguments)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1


def test_a_template_needs_no_database(tmp_path: Path) -> None:
    path = tmp_path / "new" / "模板.xlsx"
    made = cuofeng("postgresql://nobody@127.0.0.1:1/none", "import", "--template", str(path))
    assert made.returncode == 0
    assert path.exists()
    assert cuofeng("postgresql://nobody@127.0.0.1:1/none", "import", "--template", str(path)).returncode == 2


def test_a_database_that_is_away_or_not_migrated_is_a_failure_of_the_work(
    folder: Path, empty_database_url: str
) -> None:
    for url in ("postgresql://nobody@127.0.0.1:1/none", empty_database_url):
        failed = cuofeng(url, "import", str(folder))
        assert failed.returncode == 1
        assert failed.stderr.startswith("cuofeng: the database cannot be used: ")
        assert "Traceback" not in failed.stderr
