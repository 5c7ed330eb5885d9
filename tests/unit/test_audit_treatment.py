"""The audit tells of treatment meters that nothing can be judged by."""

import re

import pytest

from detectors.registry import Line, Meter, Plant, Registry
from detectors.vocab import Role
from service.plans.audit_findings import SEVERITY, Code, Severity
from service.plans.audit_treatment import treatment_findings

NOW = 1_510_675_200


def filters(meter_id: str, line_id: str | None = None, contract_kw: float | None = 100.0, until: int = 2**40) -> Meter:
    return Meter(meter_id, "P", role=Role.TREATMENT, line_id=line_id, contract_kw=contract_kw, valid_to=until)


def mill(meter_id: str, line_id: str | None = None, contract_kw: float | None = 1000.0) -> Meter:
    return Meter(meter_id, "P", role=Role.PRODUCTION, line_id=line_id, contract_kw=contract_kw)


@pytest.mark.parametrize(
    ("meters", "told"),
    [
        ((filters("t"), mill("m")), []),
        ((Meter("supply", "P"),), []),
        ((filters("t"), mill("m", "L")), [(None, "t")]),
        ((filters("t", "L"), mill("m", "L", None)), [("L", "m")]),
        ((filters("t", "L", None), mill("m", "L")), [("L", "t")]),
        ((filters("t", "L"), filters("u"), mill("m", "L")), [(None, "u")]),
        ((filters("t", until=NOW),), []),
    ],
)
def test_what_stands_in_the_way_is_named(meters: tuple[Meter, ...], told: list[tuple[str | None, str]]) -> None:
    office = Registry(plants=(Plant("P", "P", "county"),), lines=(Line("L", "P", "line"),), meters=meters)
    found = list(treatment_findings(office, NOW))
    assert [(f.where.line_id, f.code) for f in found] == [(line, Code.TREATMENT_UNJUDGED) for line, _ in told]
    for finding, (_, meter_id) in zip(found, told, strict=True):
        assert meter_id in re.findall(r"\w+", finding.en)
        assert meter_id in finding.zh
        assert finding.do_zh
        assert finding.do_en


def test_somebody_has_to_look() -> None:
    assert SEVERITY[Code.TREATMENT_UNJUDGED] is Severity.WARNING
