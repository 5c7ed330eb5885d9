"""What answers about orders, caps and rulebooks look like, with examples."""

from typing import Any

from pydantic import Field

from detectors.rulebook.decisions import ControlKind
from detectors.rulebook.schema import PlantPlans, Subject
from detectors.vocab import Control, Measure
from service.api import examples_orders as examples
from service.api.schemas import Document, problems, with_example
from service.plans.cap_at import OrderState
from service.plans.cap_series import CapState
from service.plans.cap_words import About


class OrderFacts(Document):
    """An order as it was given. Loads in kW; ``reduction``: the share that is cut, 0..1; unknown or open is null."""

    order_id: str
    revision: int
    scope_id: str
    control: Control
    measure: Measure
    from_: str = Field(alias="from")
    to: str | None = Field(description="not included; null: open")
    daily_from: str | None = Field(description="wall clock; the window may cross midnight; null: from midnight")
    daily_to: str | None
    reduction: float | None
    cap_kw: float | None = Field(description="approved load of a `cap` order; the cap in force is `cap_kw` beside it")
    units_allowed: int | None
    residual_kw: float | None
    ramp_down_h: float | None
    document: str | None
    clause: str | None
    level: str | None = Field(description="warning level; null: of the season")
    rulebook: str | None = Field(description="that made it; null: the office did")
    is_withdrawn: bool = Field(description="true: never in force")


class ExemptionFacts(Document):
    """An exemption that touches an order."""

    order_id: str | None = Field(description="null: every order of the scope without a warning level")
    from_: str = Field(alias="from")
    to: str | None
    max_kw: float | None = Field(description="null: no cap at all")
    reason: str
    approved_by: str
    document: str | None


class PlantName(Document):
    """Whose order it is."""

    plant_id: str
    name: str
    county: str


class ScopeName(Document):
    """What the order applies to."""

    scope_id: str
    name: str
    kind: str


class OrderItem(OrderFacts):
    """An order in a list."""

    is_latest: bool = Field(description="no higher revision replaces it")
    plant: PlantName
    scope: ScopeName
    exemptions: list[ExemptionFacts]


class OrdersAnswer(Document):
    """A page of orders."""

    model_config = with_example(examples.ORDERS)
    orders: list[OrderItem]
    next: str | None


class OrderAt(Document):
    """An order at a slot."""

    state: OrderState = Field(description="takes: its cap is the scope's; beside: in force, another one takes the slot")
    cap_kw: float | None = Field(
        description="its cap there, exemptions included; null: not known, or it does not hold there"
    )
    day_cap_kwh: float | None = Field(description="energy allowed on the local day, where energy is limited")
    grace_to: str | None = Field(description="end of the ramp-down grace; null: it has none")
    units_allowed: int | None
    units_total: int | None
    missing: list[str] = Field(description="why the cap is not known, or a verdict not certain")
    order: OrderFacts
    exemptions: list[ExemptionFacts]


class ScopeOrders(Document):
    """A scope of a plant at a slot, and its orders by their begin."""

    scope_id: str
    name: str
    kind: str
    state: CapState
    cap_kw: float | None
    order_id: str | None = Field(description="takes the slot; exempt or in grace: shown beside it")
    baseline_version: str | None
    orders: list[OrderAt]


class PlantOrdersAnswer(Document):
    """What a plant is under at a slot. Orders that ended more than 200 days before are left out."""

    model_config = with_example(examples.PLANT_ORDERS)
    plant_id: str
    name: str
    county: str
    slot_from: str
    slot_to: str
    scopes: list[ScopeOrders]


class CapSpan(Document):
    """Adjacent slots of one cap: what is said holds at each of them."""

    from_: str = Field(alias="from", description="begin of the first slot")
    to: str = Field(description="end of the last slot")
    state: CapState
    cap_kw: float | None = Field(description="null: no order takes the slots, or nothing tells the cap")
    order_id: str | None = Field(description="takes the slots; exempt or in grace: shown beside them")
    order_revision: int | None
    control: Control | None
    measure: Measure | None = Field(description="energy: the day's energy is judged, `cap_kw` is for comparison")
    document: str | None
    clause: str | None
    baseline_version: str | None


class DayCap(Document):
    """Energy that a limit allows on a local day; of the whole day, also where the span cuts it."""

    date: str
    order_id: str
    cap_kwh: float | None = Field(description="null: the baseline has neither day energy nor profile")


class CapsAnswer(Document):
    """Caps of a scope, one element a span of slots of equal cap; the spans follow each other without gaps."""

    model_config = with_example(examples.CAPS)
    scope_id: str
    plant_id: str
    county: str
    slot_s: int
    from_: str = Field(alias="from")
    to: str
    spans: list[CapSpan]
    days: list[DayCap]


class BaselineFacts(Document):
    """The baseline that holds at the slot."""

    version: str
    running_kw: float
    idle_kw: float | None
    day_kwh: float | None
    day_type: str
    has_profile: bool
    approved_by: str | None


class Sentence(Document):
    """One sentence in both languages."""

    about: About
    order_id: str | None
    zh: str
    en: str


class CapExplanation(Document):
    """Why a slot has the cap it has: sentences in reading order, and the same facts as data."""

    model_config = with_example(examples.EXPLANATION)
    scope_id: str
    plant_id: str
    county: str
    slot_from: str
    slot_to: str
    state: CapState
    cap_kw: float | None
    day_cap_kwh: float | None
    order_id: str | None
    baseline: BaselineFacts | None
    sentences: list[Sentence]
    orders: list[OrderAt] = Field(description="those in force by their dates, the one that takes the slot included")


class Words(Document):
    """A text in both languages."""

    zh: str
    en: str


class RulebookHead(Document):
    """A version of a rulebook."""

    rulebook_id: str
    version: str
    document: str
    title: Words
    is_shipped: bool = Field(description="this version comes with the software")
    first_applied_at: str | None = Field(description="null: never applied")
    applied_at: str | None


class RulebooksAnswer(Document):
    """Rulebooks: those applied, the latest first, then those that only come with the software."""

    model_config = with_example({"rulebooks": [examples.RULEBOOK_HEAD]})
    rulebooks: list[RulebookHead]


class IndustryCode(Document):
    """A code of GB/T 4754, which names another trade in the other edition."""

    edition: str
    code: str


class DemandFacts(Words):
    """What an item orders; ``level`` null: for the season. ``reduction``: the share that is cut, 0..1."""

    level: str | None
    kind: ControlKind
    measure: Measure
    reduction: float | None
    hours: float | None = Field(description="coking time, h")


class BracketFacts(Words):
    """What an item takes out (不含……)."""

    asks: list[str] = Field(description="attributes that decide")


class PartFacts(Words):
    """The lines that an item speaks of; the text says what a plant without them is."""

    attribute: str
    values: list[str]
    is_rest: bool = Field(description="true: the lines without these values")


class GraceFacts(Words):
    """Hours that a process has to come to rest."""

    hours: float
    origin: str


class ItemFacts(Words):
    """One line of the plan."""

    item_id: str
    clause: str
    subject: Subject
    industries: list[IndustryCode]
    asks: list[str] = Field(description="attributes that decide whether the item speaks of a plant")
    demands: list[DemandFacts]
    brackets: list[BracketFacts]
    part: PartFacts | None
    grace: GraceFacts | None = Field(description="null: the item orders no stop")
    approver: str | None
    note: Words


class LivelihoodFacts(Words):
    """保民生."""

    item_id: str
    clause: str
    attribute: str
    approver: str
    filing: str | None


class SeasonFacts(Document):
    """First and last local day, both included."""

    first: str
    last: str


class LevelFacts(Words):
    """A warning level; later ones are stricter."""

    level: str


class AttributeValue(Words):
    """A value of an attribute."""

    value: str


class AttributeFacts(Words):
    """An attribute of plants and lines that the rulebook asks for."""

    name: str
    is_open: bool = Field(description="other values than those listed may occur")
    is_number: bool
    values: list[AttributeValue]


class RulebookAnswer(RulebookHead):
    """A rulebook with its items. Where ``unreadable`` says why, everything below it is null or empty."""

    model_config = with_example(examples.RULEBOOK)
    unreadable: str | None = Field(description="a version kept from before that this software reads no more")
    issued: str | None
    zone: str | None
    season: SeasonFacts | None = Field(description="null: a rulebook of warning levels")
    levels: list[LevelFacts]
    plant_plans: PlantPlans | None
    livelihood: LivelihoodFacts | None
    items: list[ItemFacts]
    attributes: list[AttributeFacts]


_NOT_CHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "`If-None-Match` names what would be answered"}}
TAGGED_ERRORS = problems(400, 401, 403, 404, 503) | _NOT_CHANGED
