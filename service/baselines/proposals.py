"""Fitting scopes from stored days, and approving it: one transaction with the registry's version and marks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.errors import InputError
from detectors.registry import Baseline, Registry
from service.baselines.fits import ScopeFit, document_of, fit_scopes, rows_of
from service.baselines.reference import Period, Reference
from service.baselines.stored import stored_loads
from service.db.baseline_fits import FitState, StoredFit, approve_fits, keep_fits, read_fits
from service.db.registry import ChangeSet, apply_registry, take_turn
from service.db.registry_load import StoredRegistry, load_rows

#: Scopes whose loads are in memory at a time.
BATCH = 200


@dataclass(frozen=True, slots=True)
class Approval:
    """What an approval did. closed: earlier baselines that end where an approved one begins."""

    approved: tuple[StoredFit, ...]
    skipped: tuple[StoredFit, ...]  # the data carry no baseline
    closed: tuple[Baseline, ...]
    changes: ChangeSet


async def fit_stored(
    connection: AsyncConnection,
    stored: StoredRegistry,
    scope_ids: Sequence[str],
    period: Period,
    *,
    slot_s: int,
    method: str,
    version: str,
    valid_from: int,
    with_year_before: bool = False,
) -> list[ScopeFit]:
    """Fit scopes from the days that evaluation has stored; only reads. stored: the registry, rows as imported."""
    reference, zone = Reference(stored.registry), stored.registry.zone
    found: list[ScopeFit] = []
    for begin in range(0, len(scope_ids), BATCH):
        batch = list(scope_ids[begin : begin + BATCH])
        numbers = [stored.scope_no[s] for s in batch]
        loads = await stored_loads(connection, numbers, period, zone, slot_s)
        before = None
        if with_year_before:
            earlier = await stored_loads(connection, numbers, period.year_before(), zone, slot_s)
            before = dict(zip(batch, earlier, strict=True))
        found += fit_scopes(
            reference,
            zip(batch, loads, strict=True),
            period,
            slot_s=slot_s,
            method=method,
            version=version,
            valid_from=valid_from,
            year_before=before,
        )
    return found


async def propose(connection: AsyncConnection, fits: Sequence[ScopeFit], registry: Registry, now: float) -> None:
    """Store fits as proposals, in the caller's transaction.

    Raises:
        InputError: a version is approved already, or a baseline of that version stands in the registry.
    """
    standing = {(b.scope_id, b.version) for b in registry.baselines}
    taken = [f.scope_id for f in fits if (f.scope_id, f.version) in standing]
    made_at = datetime.fromtimestamp(now, UTC)
    taken += [f.scope_id for f in await keep_fits(connection, [_proposal(f, made_at) for f in fits])]
    if taken:
        told = ", ".join(sorted(set(taken))[:10])
        raise InputError(
            f"version {fits[0].version} of {told} is approved and frozen: name another with --version"
            f" / 该版本已批准，不得改动，请另用版本号"
        )


async def proposed_rows(connection: AsyncConnection, version: str, scope_ids: Sequence[str] | None) -> list[Baseline]:
    """What an approval of a version would put into the registry, approved by nobody; only reads. To try it out.

    scope_ids: None = every proposal of the version. Raises InputError where there is none, or not of a scope named.
    """
    fits = await read_fits(connection, scope_ids=scope_ids, version=version)
    return _unapproved(_chosen(fits, version, scope_ids))


async def waiting_rows(
    connection: AsyncConnection, versions: Sequence[str], scope_ids: Sequence[str]
) -> list[Baseline]:
    """The same of whatever waits under some versions for some scopes; nothing where nothing does."""
    return [
        row
        for version in versions
        for fit in await read_fits(connection, scope_ids=scope_ids, version=version)
        if fit.state is FitState.PROPOSED
        for row in _unapproved([fit])
    ]


async def approve(
    connection: AsyncConnection,
    version: str,
    scope_ids: Sequence[str] | None,
    *,
    by: str,
    document: str | None,
    now: float,
    slot_s: int,
) -> Approval:
    """Put proposed fits into the registry in the caller's transaction, exactly as an import of these rows would.

    An earlier baseline of the scope that is open, or reaches beyond, ends where the new one begins: that is what a
    newer version means, and every slot before it is judged as it was. scope_ids: None = every proposal of the version.

    Raises:
        InputError: no such proposal, or a baseline stands that begins at or after the new one's validity.
    """
    await take_turn(connection)
    stored = await load_rows(connection)
    fits = await read_fits(connection, scope_ids=scope_ids, version=version)
    chosen = _chosen(fits, version, scope_ids)
    rows = [row for fit in chosen for row in rows_of(fit.fit, fit.scope_id, version, fit.valid_from, by)]
    closed = _closed(stored.registry, chosen)
    new = Registry(zone=stored.registry.zone, baselines=(*closed, *rows))
    changes = await apply_registry(connection, new, now, slot_s=slot_s, stored=stored)
    at = datetime.fromtimestamp(now, UTC)
    await approve_fits(connection, version, [f.scope_id for f in chosen], by=by, at=at, document=document)
    skipped = tuple(f for f in fits if f.state is FitState.REFUSED)
    return Approval(tuple(chosen), skipped, tuple(closed), changes)


def _unapproved(fits: Sequence[StoredFit]) -> list[Baseline]:
    return [row for fit in fits for row in rows_of(fit.fit, fit.scope_id, fit.version, fit.valid_from, "")]


def _proposal(done: ScopeFit, made_at: datetime) -> StoredFit:
    fit = done.fit
    return StoredFit(
        scope_id=done.scope_id,
        version=done.version,
        state=FitState.PROPOSED if done.rows else FitState.REFUSED,
        period_from=done.period.begin,
        period_to=done.period.end,
        method=fit.method,
        valid_from=done.valid_from,
        data_hash=fit.data_hash,
        confidence=fit.confidence,
        rrmse=fit.rrmse,
        bias=fit.bias,
        fit=document_of(done),
        made_at=made_at,
    )


def _chosen(fits: Sequence[StoredFit], version: str, scope_ids: Sequence[str] | None) -> list[StoredFit]:
    """The proposals among the fits; a scope that was named must have one."""
    state = {f.scope_id: f.state for f in fits}
    for scope_id in scope_ids or ():
        if state.get(scope_id) is not FitState.PROPOSED:
            what = {
                None: "there is no fit / 没有测算",
                FitState.APPROVED: "it is approved already / 已批准",
                FitState.REFUSED: "the data carry no baseline / 数据不足以测算基准",
            }[state.get(scope_id)]
            raise InputError(f"baseline {version} of scope {scope_id}: {what}")
    chosen = [f for f in fits if f.state is FitState.PROPOSED]
    if not chosen:
        raise InputError(f"no proposed baseline of version {version}: see `cuofeng baseline show` / 没有待批准的基准")
    return chosen


def _closed(registry: Registry, chosen: Sequence[StoredFit]) -> list[Baseline]:
    """Earlier baselines of the scopes, whatever their day type, that would reach into the new ones' validity."""
    begins = {f.scope_id: f.valid_from for f in chosen}
    closed = []
    for row in registry.baselines:
        begin = begins.get(row.scope_id)
        if begin is None or row.valid_to <= begin:
            continue
        if row.valid_from >= begin:
            since = datetime.fromtimestamp(row.valid_from, ZoneInfo(registry.zone)).isoformat(timespec="minutes")
            raise InputError(
                f"scope {row.scope_id}: baseline {row.version} holds from {since}, not before the new one; fit again"
                f" with a later --valid-from / 已有自{since}起的基准，请用更晚的生效时间重新测算"
            )
        closed.append(replace(row, valid_to=begin))
    return closed
