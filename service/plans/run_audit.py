"""The audit of the stored list: what is stored and measured, gathered in bulk, and every finding."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.registry import Meter
from detectors.rulebook.parse import parse_rulebook
from detectors.rulebook.schema import Rulebook, RulebookError
from detectors.slots import instant, local_date
from service.db.engine import make_engine
from service.db.health import read_health
from service.db.judgement import load_readings
from service.db.list_audit import judged_loads, last_valid_readings, unknown_meters
from service.db.registry_load import StoredRegistry, load_rows
from service.db.rulebooks import applied_rulebooks
from service.db.sessions import reading
from service.plans.account_loads import Account, account_loads, account_meters
from service.plans.audit import Measured, finding, list_findings, order_findings, sorted_findings
from service.plans.audit_case import AuditCase, audit_case
from service.plans.audit_findings import Code, Finding, HeldMeter, Where
from service.plans.audit_meters import SILENT_S, LookedAt, contract_of, looked_at, meter_findings
from service.plans.audit_scopes import scope_findings
from service.plans.audit_treatment import treatment_findings
from service.plans.audit_words import rulebook_unreadable
from service.plans.running import DEFAULTS, DayLook, RunningLook, RunningThresholds, day_looks, running_look
from service.plans.shipped import read_rulebook, shipped

#: Days of sources that deliver late are still waited for: none is later than this (seconds).
_LATEST_SOURCE_S = 3 * 86_400


class Compared(NamedTuple):
    """A rulebook that was held against the list. listed: plants on the list of its document; None: there is none."""

    rulebook_id: str
    version: str
    document: str
    listed: int | None


@dataclass(frozen=True, slots=True)
class Audit:
    """All findings, sorted by their keys. version: of the registry; as_of: slot end up to which everything was judged,
    epoch seconds, None: nothing was yet."""

    version: int
    as_of: int | None
    zone: str
    compared: tuple[Compared, ...]
    findings: tuple[Finding, ...]


async def audit_list(
    connection: AsyncConnection,
    rulebooks: Sequence[Rulebook] | None = None,
    *,
    now_s: float,
    slot_s: int = 900,
    thresholds: RunningThresholds = DEFAULTS,
) -> Audit:
    """Hold rulebooks against the stored list; only reads. rulebooks: None: those that were applied, or else those that
    come with the software and have a season. now_s: epoch seconds, stands in while nothing was judged yet."""
    found: list[Finding] = []
    if rulebooks is None:
        rulebooks, found = await usual_rulebooks(connection)
    stored = await load_rows(connection)
    registry = stored.registry
    judged_to = (await read_health(connection, slot_s)).data_as_of(slot_s)
    as_of = None if judged_to is None else int(judged_to.timestamp())
    at = int(now_s) if as_of is None else as_of
    cases = [audit_case(rulebook, registry) for rulebook in rulebooks]
    look = looked_at(cases, registry, at)
    measured = await _measured(connection, stored, look, as_of, slot_s, thresholds)
    for case in cases:
        found += [*order_findings(case), *list_findings(case, at), *scope_findings(case, at)]
    found += [*meter_findings(cases, registry, look, measured), *treatment_findings(registry, at)]
    plants = {plant.plant_id: plant for plant in registry.plants}
    compared = tuple(_compared(case) for case in cases)
    return Audit(stored.version, as_of, registry.zone, compared, tuple(sorted_findings(found, plants)))


async def usual_rulebooks(connection: AsyncConnection) -> tuple[list[Rulebook], list[Finding]]:
    """The latest version of each applied rulebook; where none was applied, the shipped ones that have a season. And a
    finding for each that this version of the software cannot read."""
    latest = {applied.rulebook_id: applied for applied in reversed(await applied_rulebooks(connection))}
    found: list[Rulebook] = []
    unreadable: list[Finding] = []
    for rulebook_id, applied in sorted(latest.items()):
        try:
            found.append(parse_rulebook(applied.body, rulebook_id))
        except RulebookError as fault:
            said = rulebook_unreadable(f"{rulebook_id} {applied.version}", str(fault))
            unreadable.append(replace(finding(Code.RULEBOOK_UNREADABLE, said, Where()), rulebook=rulebook_id))
    if not latest:
        found = [r for r in (read_rulebook(name).rulebook for name in shipped()) if r.season is not None]
    return sorted(found, key=lambda rulebook: rulebook.rulebook_id), unreadable


def audit_apart(
    database_url: str, rulebooks: Sequence[Rulebook] | None, *, now_s: float, slot_s: int, timeout_s: float = 30.0
) -> Audit:
    """The same with a loop and a connection of its own: for a thread beside a loop that serves others.

    Raises InfrastructureError where the database is away.
    """

    async def run() -> Audit:
        engine = make_engine(database_url, name="audit", pool_size=1, statement_timeout_s=timeout_s)
        try:
            async with reading(engine) as connection:
                return await audit_list(connection, rulebooks, now_s=now_s, slot_s=slot_s)
        finally:
            await engine.dispose()

    return asyncio.run(run())


async def _measured(
    connection: AsyncConnection,
    stored: StoredRegistry,
    look: LookedAt,
    as_of: int | None,
    slot_s: int,
    thresholds: RunningThresholds,
) -> Measured:
    held = tuple(HeldMeter(*row) for row in await unknown_meters(connection))
    if as_of is None:
        return Measured(unknown=held, thresholds=thresholds)
    numbers = {stored.meter_no[meter.meter_id]: meter.meter_id for meter in look.meters}
    after_s = as_of - SILENT_S - _LATEST_SOURCE_S
    last = await last_valid_readings(connection, list(numbers), after_s=after_s, until_s=as_of)
    today = local_date(stored.registry.zone, as_of - 1)
    first = today - timedelta(days=thresholds.span_days - 1)
    begin_s = instant(stored.registry.zone, first, 0)
    days: dict[str, list[DayLook]] = {plant_id: [] for plant_id in look.plants}
    for scope_ids, loads in await judged_loads(connection, list(look.plants), first, today, slot_s):
        tops, quiets = day_looks(loads, slot_s, thresholds)
        for scope_id, top, quiet in zip(scope_ids, tops.tolist(), quiets.tolist(), strict=True):
            days[scope_id].append(DayLook(top, quiet))
    running = {p: seen for p, kw in look.plants.items() if (seen := running_look(days[p], kw, thresholds))}
    asked = {key: meters for key, meters in look.accounts.items() if key[0] not in running}
    accounts = await _accounts(connection, stored, asked, (begin_s, as_of), slot_s, thresholds)
    return Measured(as_of, {numbers[no]: ts for no, ts in last.items()}, running, accounts, held, thresholds)


async def _accounts(
    connection: AsyncConnection,
    stored: StoredRegistry,
    accounts: Mapping[Account, Sequence[Meter]],
    span: tuple[int, int],
    slot_s: int,
    thresholds: RunningThresholds,
) -> dict[Account, RunningLook]:
    """Accounts that look running. An account is no scope, so its readings are read."""
    names = account_meters(accounts)
    nos = np.array([stored.meter_no[name] for name in names], np.int64)
    ends = np.full(len(nos), span[1], np.int64)
    readings = await load_readings(connection, nos, np.full(len(nos), span[0], np.int64), ends)
    if len(readings) == 0:
        return {}
    order = np.argsort(nos)
    place = order[np.searchsorted(nos[order], readings.meter)].astype(np.int32)
    columns = replace(readings, meter=place)
    found = {}
    for name, days in account_loads(stored.registry, accounts, columns, span[1], slot_s).items():
        looks = [DayLook(*(float(v[0]) for v in day_looks(day[None, :], slot_s, thresholds))) for day in days]
        seen = running_look(looks, contract_of(accounts[name]), thresholds)
        if seen is not None:
            found[name] = seen
    return found


def _compared(case: AuditCase) -> Compared:
    rulebook = case.rulebook
    listed = None if case.listed is None else len(case.listed)
    return Compared(rulebook.rulebook_id, rulebook.version, rulebook.document, listed)
