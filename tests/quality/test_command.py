"""``cuofeng backtest --baseline-from --baseline-to`` says the same as the harness, which judges in process."""

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from detectors.slots import local_date
from detectors.vocab import Quality, Verdict, code
from service.cli import backtest
from service.demo.registry_files import write_registry
from tests.quality import product
from tests.quality.case import Case
from tests.quality.fit import fitted
from tests.quality.judging import Raised
from tests.quality.kinds import case_of, kind_named
from tests.quality.natural import Nature, nature_of
from tests.quality.sites import SLOT_S, shipped_sites

COMMAND = typer.Typer()
backtest.register(COMMAND)
CASES = (("steel", "night_run", 1003), ("metalworking", "limit_broken", 1001))


@pytest.mark.parametrize("site, kind, seed", CASES)
def test_the_command_says_the_same(
    site: str, kind: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nature = next(nature_of(s) for s in shipped_sites() if s.name == site)
    case = case_of(nature, kind_named(kind), seed)
    assert isinstance(case, Case)
    expected = next(iter(product.judged([case], [fitted(nature.site, case.reference)])))
    assert expected.alerts

    write_registry(product.registry_of([case], [()]), tmp_path / "registry")
    _write_readings(tmp_path / "readings.csv", nature, case)
    monkeypatch.setenv("CUOFENG_ZONE", case.zone)
    begin, end = (local_date(case.zone, s * SLOT_S).isoformat() for s in (case.reference.first, case.reference.end))
    arguments = [
        "--registry",
        tmp_path / "registry",
        "--readings",
        tmp_path / "readings.csv",
        "--out",
        tmp_path / "out",
    ]
    period = ["--baseline-from", begin, "--baseline-to", end]
    done = CliRunner().invoke(COMMAND, [*map(str, arguments), *period])
    assert done.exit_code == 0, done.output

    said = {_slot(r["slot_end"]): r["verdict"] for r in _rows(tmp_path / "out" / "slots.csv")}
    slots = range(case.first_slot, case.end_slot)
    assert [said[s] for s in slots] == [code(Verdict(v)) for v in expected.verdicts]
    found = [
        Raised(
            r["rule"],
            int(r["grade"]),
            *(_slot(r[name]) for name in ("first_slot_end", "opened_at_slot_end", "last_slot_end")),
        )
        for r in _rows(tmp_path / "out" / "alerts.csv")
    ]
    inside = sorted((a for a in found if a.opened_slot >= case.first_slot), key=lambda a: (a.opened_slot, a.rule))
    assert inside == expected.alerts


def _write_readings(path: Path, nature: Nature, case: Case) -> None:
    """The reference period as it was measured, then what the case sent."""
    before = nature.site.of(case.reference.first, case.reference.end)
    whole = replace(
        case,
        first_slot=case.reference.first,
        true_kw=before,
        sent_kw=before,
        quality=np.where(np.isnan(before), Quality.N, Quality.M).astype(np.int8),
        late_s=np.zeros(len(before), np.int64),
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["meter_id", "ts", "value", "q"])
        for part in (whole, case):
            for i, (kw, quality) in enumerate(zip(part.sent_kw.tolist(), part.quality.tolist(), strict=True)):
                ts = datetime.fromtimestamp((part.first_slot + i + 1) * SLOT_S, UTC)
                value = "" if quality == Quality.N else repr(kw)
                rows.writerow(["case-0000-m", ts.isoformat(), value, Quality(quality).name])


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _slot(slot_end: str) -> int:
    return int(datetime.fromisoformat(slot_end).timestamp()) // SLOT_S - 1
