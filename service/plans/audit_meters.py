"""What the readings tell of the list: silent meters, plants and accounts that run with nothing ordered, strange meters.

Pure. ``looked_at`` says of which meters, plants and accounts something has to be measured.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from detectors.registry import Meter, Registry
from detectors.rulebook.decisions import Decision, Outcome
from detectors.vocab import Role
from service.plans import audit_words as words
from service.plans.audit import Measured, finding
from service.plans.audit_case import AuditCase, is_of_the_plan
from service.plans.audit_findings import Code, Finding, Where
from service.plans.rows import shown_time
from service.plans.running import RunningLook

#: A meter that gave nothing for so long is silent (seconds).
SILENT_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class LookedAt:
    """meters: to be asked for their last reading. plants: contract capacity (kW) of those to be asked whether they run.
    accounts: (plant, account) -> its supply meters, to be asked the same."""

    meters: tuple[Meter, ...]
    plants: Mapping[str, float | None]
    accounts: Mapping[tuple[str, str], tuple[Meter, ...]]


def looked_at(cases: Sequence[AuditCase], registry: Registry, as_of: int) -> LookedAt:
    """Meters of all plants that are listed or of a plan's trade; plants of a trade of a season's plan of which nothing
    is ordered, their accounts where they have several (to be asked where the plant as a whole does not look running),
    and accounts that a plant's order leaves out."""
    supply: dict[str, list[Meter]] = defaultdict(list)
    for meter in registry.meters:
        if meter.role is Role.SUPPLY and meter.valid_from <= as_of < meter.valid_to:
            supply[meter.plant_id].append(meter)
    contracts = {plant.plant_id: plant.contract_kw for plant in registry.plants}
    wanted: set[str] = set()
    plants: dict[str, float | None] = {}
    accounts: dict[tuple[str, str], tuple[Meter, ...]] = {}
    for case in cases:
        wanted |= case.listed or set()
        for plant_id, decision in case.by_plant.items():
            if is_of_the_plan(decision):
                wanted.add(plant_id)
            if case.rulebook.season is None:
                continue
            of_plant = _accounts(plant_id, supply[plant_id])
            if nothing_is_ordered(decision):
                plants[plant_id] = contracts[plant_id] or contract_of(supply[plant_id])
                accounts |= of_plant if len(of_plant) > 1 else {}
            elif decision.scope_id == plant_id:
                counted = {member.meter_id for member in case.members.get(plant_id, ())}
                accounts |= {
                    key: meters for key, meters in of_plant.items() if not any(m.meter_id in counted for m in meters)
                }
    meters = tuple(
        m
        for m in registry.meters
        if m.plant_id in wanted and m.role is not Role.CHECK and m.valid_from <= as_of - SILENT_S and as_of < m.valid_to
    )
    return LookedAt(meters, plants, accounts)


def nothing_is_ordered(decision: Decision) -> bool:
    """A plant of the plan's trade that has no order: not listed, or it cannot be decided."""
    return is_of_the_plan(decision) and (decision.outcome is Outcome.CANNOT_DECIDE or not decision.is_listed)


def contract_of(meters: Iterable[Meter]) -> float | None:
    """Contract capacity of meters together, kW; None where one is not known, or there is none."""
    known = [m.contract_kw for m in meters]
    return None if not known or None in known else sum(kw for kw in known if kw is not None)


def meter_findings(
    cases: Sequence[AuditCase], registry: Registry, look: LookedAt, measured: Measured
) -> Iterator[Finding]:
    """Findings that need readings. Before anything was judged nobody is called silent."""
    if measured.as_of is not None:
        yield from _silent(registry, look, measured)
    by_account = _account_of_plants(registry)
    names = {plant.plant_id: plant.name for plant in registry.plants}
    for case in cases:
        if case.rulebook.season is None:
            continue
        for plant_id, decision in sorted(case.by_plant.items()):
            seen = measured.running.get(plant_id)
            if seen is not None and nothing_is_ordered(decision):
                where = Where(plant_id, account=by_account.get(plant_id))
                yield _runs(case, decision, where, names[plant_id], seen, measured)
    decisions = {plant: (case, d) for case in cases if case.rulebook.season for plant, d in case.by_plant.items()}
    for (plant_id, account), found_running in sorted(measured.accounts.items()):
        case, decision = decisions[plant_id]
        yield _runs(case, decision, Where(plant_id, account=account), account, found_running, measured, is_account=True)
    for held in measured.unknown:
        since = shown_time(held.first_s, registry.zone) or ""
        said = words.unknown_account(held.meter_id, held.source, held.rows, since)
        found = finding(Code.UNKNOWN_ACCOUNT, said, Where(meter_id=held.meter_id))
        yield replace(found, since=held.first_s, numbers={"rows": float(held.rows)})


def _runs(
    case: AuditCase,
    decision: Decision,
    where: Where,
    name: str,
    look: RunningLook,
    measured: Measured,
    *,
    is_account: bool = False,
) -> Finding:
    said = words.runs_unlisted(name, look, measured.thresholds, is_account=is_account)
    numbers = {"days": float(look.days), "top_kw": round(look.top_kw, 3), "quiet_kw": round(look.quiet_kw, 3)}
    if look.contract_kw is not None:
        numbers["contract_kw"] = look.contract_kw
    return replace(finding(Code.RUNS_UNLISTED, said, where, case, decision.clause), numbers=numbers)


def _silent(registry: Registry, look: LookedAt, measured: Measured) -> Iterator[Finding]:
    """Declared outages are no silence; a source's declared delay is waited for."""
    as_of = measured.as_of or 0
    delays = {source.source: source.delay_min * 60 for source in registry.sources}
    out = {
        (kind, name)
        for outage in registry.outages
        if outage.valid_from < as_of and outage.valid_to > as_of - SILENT_S
        for kind, name in (("plant", outage.plant_id), ("meter", outage.meter_id))
        if name is not None
    }
    for meter in look.meters:
        if ("plant", meter.plant_id) in out or ("meter", meter.meter_id) in out:
            continue
        last = measured.last_valid.get(meter.meter_id)
        if last is not None and last > as_of - SILENT_S - delays.get(meter.source, 0):
            continue
        said = words.silent(meter.meter_id, None if last is None else shown_time(last, registry.zone))
        where = Where(meter.plant_id, meter.line_id, meter_id=meter.meter_id, account=meter.account)
        yield replace(finding(Code.SILENT, said, where), since=last)


def _accounts(plant_id: str, meters: Sequence[Meter]) -> dict[tuple[str, str], tuple[Meter, ...]]:
    """Meters by account; a meter without one stands for itself."""
    groups: dict[tuple[str, str], list[Meter]] = defaultdict(list)
    for meter in meters:
        groups[plant_id, meter.account or meter.meter_id].append(meter)
    return {key: tuple(rows) for key, rows in groups.items()}


def _account_of_plants(registry: Registry) -> dict[str, str]:
    """The account of each plant that has one only."""
    found: dict[str, set[str]] = defaultdict(set)
    for meter in registry.meters:
        if meter.role is Role.SUPPLY and meter.account:
            found[meter.plant_id].add(meter.account)
    return {plant_id: next(iter(accounts)) for plant_id, accounts in found.items() if len(accounts) == 1}
