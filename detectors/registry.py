"""The registry as the judgement sees it: typed rows of CONTRACTS §1, all times epoch seconds UTC.

Validity is half-open ``[valid_from, valid_to)``; an open end is ``FOREVER``. Unknown numbers are ``None``, never 0.
Rows are refused at the edge (``service.registry``); here they are trusted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from detectors.vocab import Control, Kind, Measure, Role, Scale

#: An open end: 9999-12-31T00:00:00Z.
FOREVER = 253402214400
#: An open beginning.
ALWAYS = 0
#: Silence counts, and line meters are awaited, from this long before an order begins (SEMANTICS §5.28).
BEFORE_ORDER_S = 6 * 3600


@dataclass(frozen=True, slots=True)
class Source:
    """A feed that delivers readings (数据源)."""

    source: str
    delay_min: int = 5
    cadence: str = "slot"  # slot | daily
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Plant:
    """企业."""

    plant_id: str
    name: str
    county: str
    uscc: str | None = None
    industry: str | None = None
    industry_edition: str | None = None
    contract_kw: float | None = None
    address: str | None = None
    lon: float | None = None
    lat: float | None = None
    contact_phone: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """生产线, or a group of cells, kilns or coke ovens."""

    line_id: str
    plant_id: str
    name: str
    kind: str | None = None
    units: int | None = None
    unit_kw: float | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Meter:
    """计量点: valid over ``[valid_from, valid_to)``."""

    meter_id: str
    plant_id: str
    line_id: str | None = None
    account: str | None = None
    source: str = "default"
    role: Role = Role.SUPPLY
    kind: Kind = Kind.POWER_INST
    unit: str = "kW"
    scale: Scale = Scale.PRIMARY
    period_s: int = 900
    contract_kw: float | None = None
    resolution_kwh: float = 0.01  # one step of its energy register, secondary side
    valid_from: int = ALWAYS
    valid_to: int = FOREVER


@dataclass(frozen=True, slots=True)
class Multiplier:
    """综合倍率 T = own x CT x PT over its validity."""

    meter_id: str
    valid_from: int
    valid_to: int
    factor: float
    asset_no: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """监测范围: what an order applies to. ``rulebook``: id of the rulebook that made it; None: the office did."""

    scope_id: str
    plant_id: str
    name: str
    kind: str = "plant"  # plant | line | process | pushes (推焦)
    rulebook: str | None = None


@dataclass(frozen=True, slots=True)
class ScopeMeter:
    """Membership of a meter in a scope, with its sign in the sum."""

    scope_id: str
    meter_id: str
    sign: int = 1
    valid_from: int = ALWAYS
    valid_to: int = FOREVER


@dataclass(frozen=True, slots=True)
class Order:
    """停限产令. ``daily_from_s``/``daily_to_s`` are seconds of the local day and may cross midnight. A revision whose
    ``valid_to`` is its ``valid_from`` withdraws the order: it is never in force."""

    order_id: str
    scope_id: str
    control: Control
    valid_from: int
    valid_to: int = FOREVER
    daily_from_s: int | None = None
    daily_to_s: int | None = None
    reduction: float | None = None
    cap_kw: float | None = None
    units_allowed: int | None = None
    residual_kw: float | None = None
    ramp_down_h: float | None = None
    measure: Measure = Measure.POWER
    document: str | None = None
    clause: str | None = None
    level: str | None = None
    revision: int = 1
    rulebook: str | None = None  # that made it; None: the office did


@dataclass(frozen=True, slots=True)
class Baseline:
    """基准负荷, frozen before the season. ``profile_kw`` has one value per slot of a 24 h day.

    From ``night_kwh`` on: what ``detectors.baseline`` learned of the reference period; None where the office gave the
    baseline by hand. Then no rule that rests on it fires, and no reading is set aside for it.
    """

    scope_id: str
    version: str
    valid_from: int
    running_kw: float
    valid_to: int = FOREVER
    max_kw: float | None = None
    idle_kw: float | None = None
    day_kwh: float | None = None
    day_type: str = "all"  # all | workday | restday
    profile_kw: tuple[float, ...] = ()
    method: str | None = None
    origin: str | None = None
    approved_by: str | None = None
    night_kwh: float | None = None  # mean energy above idle of a night, 22:00-06:00
    night_sd_kwh: float | None = None  # its standard deviation from night to night
    floor_kw: float | None = None  # lowest load believed of this scope
    equal_h: float | None = None  # longest run of equal values above idle
    idle_equal_h: float | None = None  # ... at idle or below, of a scope whose idling varies
    rrmse: float | None = None  # error of the day energies of left-out days, share of their mean
    bias: float | None = None  # mean of that error, share; above 0: the baseline is too high


@dataclass(frozen=True, slots=True)
class Threshold:
    """阈值: a value of a rule in place of its default (``detectors.thresholds``), for one scope or, with ``scope_id``
    None, for all. A local day is judged by what holds at its beginning."""

    rule: str
    name: str
    value: float
    origin: str
    scope_id: str | None = None
    valid_from: int = ALWAYS
    valid_to: int = FOREVER
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Exemption:
    """豁免: changes the cap for a period. ``max_kw`` None = no cap at all; ``order_id`` None = see SEMANTICS §3.18."""

    scope_id: str
    valid_from: int
    valid_to: int
    reason: str
    approved_by: str
    order_id: str | None = None
    max_kw: float | None = None
    document: str | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """A declared outage of a whole plant or of one meter: exactly one of the two is set."""

    valid_from: int
    valid_to: int
    origin: str
    plant_id: str | None = None
    meter_id: str | None = None
    kind: str = "outage"  # outage | planned


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """Override of one local day."""

    day: date
    kind: str  # holiday | workday
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A row of the list of plants under the plan (错峰生产企业清单). ``line_id`` None: the plant as a whole."""

    document: str
    plant_id: str
    line_id: str | None = None
    clause: str | None = None
    measure: str | None = None  # 停限产措施, in the office's words
    office: str | None = None  # 责任单位
    office_phone: str | None = None
    office_person: str | None = None  # 责任人


@dataclass(frozen=True, slots=True)
class PlantPlan:
    """一厂一策: what one plant, or one of its lines, does under a rulebook. Set values go before the rulebook's.

    ``level`` None: for the season; else under that warning level. ``valid_from``/``valid_to``: this plant's own span in
    place of the season's (a penalty extends the end); unset: the season's. ``lines_stopped``: lines that stand still.
    """

    plant_id: str
    document: str
    line_id: str | None = None
    level: str | None = None
    lines_stopped: tuple[str, ...] = ()
    control: Control | None = None
    reduction: float | None = None
    units_allowed: int | None = None
    cap_kw: float | None = None
    residual_kw: float | None = None
    ramp_down_h: float | None = None
    valid_from: int = ALWAYS
    valid_to: int = FOREVER
    measure: str | None = None
    office: str | None = None
    office_phone: str | None = None
    office_person: str | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """保民生核定: the highest load that a plant may run at for a task of livelihood (heating, waste), who approved it
    and where it was filed. ``scope_id``: of the plant as a whole its plant_id."""

    scope_id: str
    valid_from: int
    task: str  # heating | waste | other
    max_kw: float
    approved_by: str
    document: str
    valid_to: int = FOREVER
    filed_with: str | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """重污染天气: the warning level in force over ``[valid_from, valid_to)``. Raised or lowered: a further row of the
    same episode. ``county`` None: the whole city."""

    episode_id: str
    valid_from: int
    level: str  # yellow | orange | red
    document: str
    valid_to: int = FOREVER
    county: str | None = None


@dataclass(frozen=True, slots=True)
class Rotation:
    """轮产: a turn in which a scope may run though its group stands under a stop of the season."""

    scope_id: str
    valid_from: int
    valid_to: int
    group: str
    document: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything the office holds, as imported. Row order is free; ids are unique where CONTRACTS §1 says so."""

    zone: str = "Asia/Shanghai"
    sources: tuple[Source, ...] = ()
    plants: tuple[Plant, ...] = ()
    lines: tuple[Line, ...] = ()
    meters: tuple[Meter, ...] = ()
    multipliers: tuple[Multiplier, ...] = ()
    scopes: tuple[Scope, ...] = ()
    scope_meters: tuple[ScopeMeter, ...] = ()
    orders: tuple[Order, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    outages: tuple[Outage, ...] = ()
    calendar: tuple[CalendarDay, ...] = ()
    listings: tuple[Listing, ...] = ()
    plant_plans: tuple[PlantPlan, ...] = ()
    approvals: tuple[Approval, ...] = ()
    episodes: tuple[Episode, ...] = ()
    rotations: tuple[Rotation, ...] = ()
    thresholds: tuple[Threshold, ...] = ()


def with_default_scopes(registry: Registry) -> Registry:
    """Add the default scope ``PLANT_ID`` of every plant and its members where the office named none (SEMANTICS §2.9).

    A plant has no rows in ``scope_meters`` for its scope ``PLANT_ID``: that scope is the sum of its supply and
    generation meters less its reverse meters. Check, line, production and treatment meters are not counted.
    """
    known = {s.scope_id for s in registry.scopes}
    scopes = registry.scopes + tuple(
        Scope(p.plant_id, p.plant_id, p.name) for p in registry.plants if p.plant_id not in known
    )
    own_members = {m.scope_id for m in registry.scope_meters}
    signs = {Role.SUPPLY: 1, Role.GENERATION: 1, Role.REVERSE: -1}
    members = registry.scope_meters + tuple(
        ScopeMeter(m.plant_id, m.meter_id, signs[m.role])
        for m in registry.meters
        if m.role in signs and m.plant_id not in own_members
    )
    return replace(registry, scopes=scopes, scope_meters=members)
