"""Treatment equipment with a meter that nothing can be judged by: no rated load, or no production beside it. Pure."""

from collections.abc import Iterator

from detectors.registry import Meter, Registry
from detectors.treatment import pairs_of
from detectors.vocab import Role
from service.plans.audit import finding
from service.plans.audit_findings import Code, Finding, Where
from service.plans.audit_words import Said

NAMED = 3


def treatment_findings(registry: Registry, as_of: int) -> Iterator[Finding]:
    """One a plant and line, of meters that are valid at ``as_of`` (epoch seconds)."""
    pairs = {(p.plant_id, p.line_id): p for p in pairs_of(registry)}
    treated: dict[tuple[str, str | None], list[Meter]] = {}
    for meter in registry.meters:
        if meter.role is Role.TREATMENT and meter.valid_from <= as_of < meter.valid_to:
            treated.setdefault((meter.plant_id, meter.line_id), []).append(meter)
    for (plant_id, line_id), meters in treated.items():
        pair = pairs.get((plant_id, line_id))
        if pair is None:
            said = _without_production(meters)
        elif not pair.is_rated:
            said = _without_rated_load([m for m in pair.meters if not m.contract_kw])
        else:
            continue
        yield finding(Code.TREATMENT_UNJUDGED, said, Where(plant_id, line_id))


def _without_production(meters: list[Meter]) -> Said:
    names = _names(meters)
    return Said(
        f"治污计量点{names}没有同一生产线的生产计量点，无法判断治污设施是否停用",
        f"no production meter of the same line stands beside treatment meters {names}: nothing tells when it is off",
        "登记该生产线的生产计量点（用途：生产或生产线），或更正所属生产线",
        "register the line's production meter (role production or line), or correct the line that the meters name",
    )


def _without_rated_load(meters: list[Meter]) -> Said:
    names = _names(meters)
    return Said(
        f"计量点{names}没有合同容量，无法判断治污设施是否停用",
        f"meters {names} have no contract_kw: nothing tells when treatment is off",
        "在计量点表填写设备额定容量（合同容量）",
        "enter the rated load of the equipment as contract_kw in meters",
    )


def _names(meters: list[Meter]) -> str:
    more = f" + {len(meters) - NAMED}" if len(meters) > NAMED else ""
    return ", ".join(sorted(m.meter_id for m in meters)[:NAMED]) + more
