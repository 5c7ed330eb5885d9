"""What rows of a registry must be to each other and to the rows stored before: references, keys, overlaps, frozen rows.

Pure: nothing here asks the database. Both an import and a back-test go through it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from detectors.registry import ALWAYS, FOREVER, Baseline, Order, Registry
from detectors.vocab import Scale
from service.db.registry_errors import Origins, Problem
from service.db.registry_list_checks import check_lists
from service.db.registry_tables import STORED
from service.db.registry_threshold_checks import check_thresholds


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong, and what is only worth knowing."""

    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def check(new: Registry, stored: Registry, origins: Origins | None = None) -> Findings:
    """Compare the rows of an import with each other and with what is stored; ``stored`` is trusted.

    origins: where the rows came from; None: rows are numbered from 1 in their order.
    """
    checks = _Checks(new, stored, origins or Origins())
    checks.keys()
    checks.references()
    checks.overlaps()
    checks.frozen()
    checks.plausibility()
    check_thresholds(new, checks.merged, checks.refuse)
    check_lists(new, checks.merged, checks.known("lines"), checks.plant_of_scope, checks.refuse, checks.warn)
    return Findings(tuple(checks.errors), tuple(checks.warnings))


class _Checks:
    def __init__(self, new: Registry, stored: Registry, origins: Origins) -> None:
        self.new, self.stored, self.origins = new, stored, origins
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self.merged = {t.name: {t.key_of(row): row for row in getattr(stored, t.name)} for t in STORED}
        for table in STORED:
            self.merged[table.name].update((table.key_of(row), row) for row in getattr(new, table.name))
        self.plant_of_scope = {p[0]: p[0] for p in self.merged["plants"]}
        self.plant_of_scope |= {scope.scope_id: scope.plant_id for scope in self.merged["scopes"].values()}

    def refuse(self, table: str, index: int, column: str | None, value: object, en: str, zh: str) -> None:
        self.errors.append(self.origins.problem(table, index, column, value, en, zh))

    def warn(self, table: str, index: int, column: str | None, value: object, en: str, zh: str) -> None:
        self.warnings.append(self.origins.problem(table, index, column, value, en, zh))

    def keys(self) -> None:
        for table in STORED:
            seen: dict[tuple[Any, ...], int] = {}
            for index, row in enumerate(getattr(self.new, table.name)):
                key = table.key_of(row)
                first = seen.setdefault(key, index)
                if first != index:
                    line = self.origins.rows.get((table.name, first), first + 1)
                    column, value = _leading(table.name, row)
                    self.refuse(
                        table.name,
                        index,
                        column,
                        value,
                        f"the same row as row {line} ({_told(table.key)})",
                        f"与第{line}行重复",
                    )

    def references(self) -> None:
        known = {name: self.known(name) for name in ("plants", "lines", "meters", "orders")}
        scopes = self.known("scopes") | known["plants"]
        wanted: Iterable[tuple[str, str, set[str]]] = (
            ("lines", "plant_id", known["plants"]),
            ("meters", "plant_id", known["plants"]),
            ("meters", "line_id", known["lines"]),
            ("multipliers", "meter_id", known["meters"]),
            ("scopes", "plant_id", known["plants"]),
            ("scope_meters", "scope_id", scopes),
            ("scope_meters", "meter_id", known["meters"]),
            ("baselines", "scope_id", scopes),
            ("exemptions", "scope_id", scopes),
            ("thresholds", "scope_id", scopes),
            ("exemptions", "order_id", known["orders"]),
            ("outages", "plant_id", known["plants"]),
            ("outages", "meter_id", known["meters"]),
            ("listings", "plant_id", known["plants"]),
            ("listings", "line_id", known["lines"]),
            ("plant_plans", "plant_id", known["plants"]),
            ("plant_plans", "line_id", known["lines"]),
            ("approvals", "scope_id", scopes),
            ("rotations", "scope_id", scopes),
        )
        for table, column, ids in wanted:
            for index, row in enumerate(getattr(self.new, table)):
                value = getattr(row, column)
                if value is not None and value not in ids:
                    self.refuse(table, index, column, value, "is not known", "不存在")
        self._order_references(scopes, known["plants"])
        self._plants_agree()

    def known(self, table: str) -> set[str]:
        return {str(key[0]) for key in self.merged[table]} | self.origins.mentioned.get(table, set())

    def _order_references(self, scopes: set[str], plants: set[str]) -> None:
        for index, order in enumerate(self.new.orders):
            plant = self.origins.order_plants.get(index)
            if plant is not None and plant not in plants:
                self.refuse("orders", index, "plant_id", plant, "is not known", "不存在")
            elif order.scope_id not in scopes:
                self.refuse("orders", index, "scope_id", order.scope_id, "is not known", "不存在")
            elif plant is not None and self.plant_of_scope.get(order.scope_id, plant) != plant:
                owner = self.plant_of_scope[order.scope_id]
                self.refuse(
                    "orders",
                    index,
                    "plant_id",
                    plant,
                    f"scope {order.scope_id} is of plant {owner}",
                    f"监测范围{order.scope_id}属于企业{owner}",
                )

    def _plants_agree(self) -> None:
        plants, lines, meters = (self.merged[name] for name in ("plants", "lines", "meters"))
        for index, scope in enumerate(self.new.scopes):
            if (scope.scope_id,) in plants and scope.scope_id != scope.plant_id:
                self.refuse(
                    "scopes",
                    index,
                    "scope_id",
                    scope.scope_id,
                    "is the default scope of the plant of that id",
                    "与另一企业编号相同，是该企业的整体范围",
                )
        for table in ("meters", "listings", "plant_plans"):
            for index, row in enumerate(getattr(self.new, table)):
                line = lines.get((row.line_id,))
                if line is not None and line.plant_id != row.plant_id:
                    self.refuse(
                        table,
                        index,
                        "line_id",
                        row.line_id,
                        f"is a line of plant {line.plant_id}",
                        f"该生产线属于企业{line.plant_id}",
                    )
        for index, member in enumerate(self.new.scope_meters):
            of_meter, plant = meters.get((member.meter_id,)), self.plant_of_scope.get(member.scope_id)
            if of_meter is not None and plant is not None and of_meter.plant_id != plant:
                self.warn(
                    "scope_meters",
                    index,
                    "meter_id",
                    member.meter_id,
                    f"is a meter of plant {of_meter.plant_id}",
                    f"该计量点属于另一企业{of_meter.plant_id}",
                )
        scopes_of_order: dict[str, set[str]] = defaultdict(set)
        for order in self.merged["orders"].values():
            scopes_of_order[order.order_id].add(order.scope_id)
        for index, exemption in enumerate(self.new.exemptions):
            scopes = scopes_of_order.get(exemption.order_id or "")
            if scopes and exemption.scope_id not in scopes:
                told = ", ".join(sorted(scopes))
                self.refuse(
                    "exemptions",
                    index,
                    "order_id",
                    exemption.order_id,
                    f"is an order for scope {told}",
                    f"该令针对监测范围{told}",
                )

    def overlaps(self) -> None:
        self._overlap("multipliers", lambda row: (row.meter_id,))
        self._overlap("scope_meters", lambda row: (row.scope_id, row.meter_id))
        self._overlap("baselines", lambda row: (row.scope_id, row.day_type))
        self._overlap("thresholds", lambda row: (row.scope_id or "", row.rule, row.name))
        self._overlap("approvals", lambda row: (row.scope_id,))
        self._overlap("episodes", lambda row: (row.episode_id,))

    def _overlap(self, table: str, group_of: Callable[[Any], tuple[str, ...]]) -> None:
        """Two rows of one group may not hold at the same time; told at the later of them that is new."""
        new = {id(row): index for index, row in enumerate(getattr(self.new, table))}
        touched = {group_of(row) for row in getattr(self.new, table)}
        groups: dict[tuple[str, ...], list[Any]] = defaultdict(list)
        for row in self.merged[table].values():
            if group_of(row) in touched:
                groups[group_of(row)].append(row)
        for rows in groups.values():
            rows.sort(key=lambda row: (row.valid_from, row.valid_to))
            longest = rows[0]
            for row in rows[1:]:
                if row.valid_from < longest.valid_to:
                    told, other = (row, longest) if id(row) in new else (longest, row)
                    if id(told) in new:
                        place = new.get(id(other))
                        line = "stored" if place is None else f"row {self.origins.rows.get((table, place), place + 1)}"
                        self.refuse(
                            table,
                            new[id(told)],
                            "from",
                            _told_time(told.valid_from, self.new.zone),
                            f"overlaps {_told_span(other, self.new.zone)} ({line})",
                            f"与{_told_span(other, self.new.zone)}时段重叠",
                        )
                if row.valid_to > longest.valid_to:
                    longest = row

    def frozen(self) -> None:
        orders: Mapping[tuple[str, int], Order] = {(o.order_id, o.revision): o for o in self.stored.orders}
        highest: dict[str, int] = defaultdict(int)
        for order in self.stored.orders:
            highest[order.order_id] = max(highest[order.order_id], order.revision)
        for index, order in enumerate(self.new.orders):
            before = orders.get((order.order_id, order.revision))
            if before is not None and before != order:
                self.refuse(
                    "orders",
                    index,
                    "order_id",
                    order.order_id,
                    f"revision {order.revision} is stored with another {_differing(before, order)}: raise the revision",
                    f"第{order.revision}版已入库且内容不同，请提高版次",
                )
            elif before is None and order.revision < highest[order.order_id]:
                self.warn(
                    "orders",
                    index,
                    "revision",
                    order.revision,
                    f"has no effect: revision {highest[order.order_id]} is stored",
                    f"不起作用：已有第{highest[order.order_id]}版",
                )
        baselines = {(b.scope_id, b.version, b.day_type): b for b in self.stored.baselines}
        for index, row in enumerate(self.new.baselines):
            old = baselines.get((row.scope_id, row.version, row.day_type))
            if old is not None and not _only_closed(old, row):
                self.refuse(
                    "baselines",
                    index,
                    "version",
                    row.version,
                    f"is frozen ({_differing(old, row)}): only `to` may come earlier; give a new version",
                    "该版本基准已冻结，仅可提前结束时间；如需修改请用新版本",
                )

    def plausibility(self) -> None:
        for index, baseline in enumerate(self.new.baselines):
            if baseline.running_kw == 0:
                self.warn("baselines", index, "running_kw", 0, "counts as no baseline", "视为无基准")
            elif baseline.idle_kw is not None and baseline.idle_kw > baseline.running_kw:
                self.warn("baselines", index, "idle_kw", baseline.idle_kw, "is above running_kw", "高于基准负荷")
        multiplied = {key[0] for key in self.merged["multipliers"]}
        for index, meter in enumerate(self.new.meters):
            if meter.scale is Scale.SECONDARY and meter.meter_id not in multiplied:
                self.warn(
                    "meters",
                    index,
                    "meter_id",
                    meter.meter_id,
                    "is secondary and has no multiplier",
                    "为二次值但无综合倍率，暂无法判定",
                )


_LEADING = {
    "sources": "source",
    "plants": "plant_id",
    "lines": "line_id",
    "meters": "meter_id",
    "multipliers": "meter_id",
    "scope_meters": "meter_id",
    "orders": "order_id",
    "thresholds": "name",
    "listings": "plant_id",
    "plant_plans": "plant_id",
    "episodes": "episode_id",
    "calendar": "date",
}


def _leading(table: str, row: Any) -> tuple[str, Any]:
    """The column that names a row best, and its value, for messages."""
    if table == "outages":
        column = "plant_id" if row.plant_id is not None else "meter_id"
    else:
        column = _LEADING.get(table, "scope_id")
    return column, getattr(row, "day" if column == "date" else column)


def _told(key: tuple[str, ...]) -> str:
    names = {"valid_from": "from", "day": "date"}
    return ", ".join(names.get(column, column) for column in key)


def _told_time(epoch_s: int, zone: str) -> str:
    if epoch_s <= ALWAYS or epoch_s >= FOREVER:
        return "…"
    return datetime.fromtimestamp(epoch_s, ZoneInfo(zone)).isoformat(timespec="minutes")


def _told_span(row: Any, zone: str) -> str:
    version = f"{row.version} " if isinstance(row, Baseline) else ""
    return f"{version}[{_told_time(row.valid_from, zone)}, {_told_time(row.valid_to, zone)})"


def _differing(before: Any, after: Any) -> str:
    names = {"valid_from": "from", "valid_to": "to", "daily_from_s": "daily_from", "daily_to_s": "daily_to"}
    return ", ".join(
        names.get(column, column)
        for column in type(before).__slots__
        if getattr(before, column) != getattr(after, column)
    )


def _only_closed(old: Baseline, new: Baseline) -> bool:
    return new.valid_to <= old.valid_to and replace(new, valid_to=old.valid_to) == old
