"""A rulebook 方案 as typed values: what ``detectors.rulebook.parse`` makes of a file, and nothing else does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from detectors.errors import InputError
from detectors.rulebook.conditions import Condition, HasAny, HasOnly, Negation
from detectors.rulebook.decisions import ControlKind, Outcome
from detectors.slots import DAY_S, instant
from detectors.vocab import Measure

#: The grace of a stop whose item names none.
STOP_GRACE = "stop"


class RulebookError(InputError):
    """A rulebook, or the question put to it, is wrong: the text names the file, the place in it and what is wanted."""


class Subject(StrEnum):
    """Whom the brackets and conditions of an item speak of."""

    PLANT = "plant"  # the enterprise as a whole, with all its lines
    LINE = "line"  # each line by itself, where the lines differ


class PlantPlans(StrEnum):
    """What 一厂一策 may do to the values of the rulebook."""

    MAY_TIGHTEN = "may_tighten"  # the rulebook's values are minima
    REPLACE = "replace"  # the rulebook's values are defaults for plants without a plan


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of the vocabulary. ``values``: code -> (zh, en)."""

    name: str
    zh: str
    en: str
    values: Mapping[str, tuple[str, str]]
    is_open: bool  # other values than those listed may occur
    is_number: bool


@dataclass(frozen=True, slots=True)
class Bracket:
    """What an item takes out: 不含……"""

    when: Condition
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Part:
    """The lines that an item speaks of, told by one attribute: those with a value in ``values``, or, with
    ``is_rest``, those without. ``rest``: what a plant is that has only other lines, and why."""

    attribute: str
    values: frozenset[str]
    is_rest: bool
    lines_only: bool  # the attribute of the plant as a whole does not tell the part from the rest
    rest: Outcome
    zh: str
    en: str

    @property
    def touched(self) -> Condition:
        """Some of it is of the part."""
        inside = HasAny(self.attribute, self.values)
        return Negation(HasOnly(self.attribute, self.values)) if self.is_rest else inside

    @property
    def whole(self) -> Condition:
        """Nothing of it is of the rest."""
        inside = HasOnly(self.attribute, self.values)
        return Negation(HasAny(self.attribute, self.values)) if self.is_rest else inside


@dataclass(frozen=True, slots=True)
class Demand:
    """What is ordered. ``reduction``: the share that is cut, 0..1. ``hours``: coking time, h."""

    kind: ControlKind
    measure: Measure
    reduction: float | None = None
    hours: float | None = None


@dataclass(frozen=True, slots=True)
class Grace:
    """Hours that a process has to come to rest, with the origin of the number."""

    hours: float
    origin: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the plan. ``demands``: by warning level, under None for the season. ``approver``: who may let a plant
    of this item run after all, where the item itself says so."""

    item_id: str
    clause: str
    zh: str
    en: str
    subject: Subject
    industries: frozenset[tuple[str, str]]
    when: Condition | None
    brackets: tuple[Bracket, ...]
    part: Part | None
    demands: Mapping[str | None, Demand]
    grace: str = STOP_GRACE
    approver: str | None = None
    note_zh: str = ""
    note_en: str = ""


@dataclass(frozen=True, slots=True)
class Season:
    """First and last local day, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Level:
    """A warning level; later ones of a rulebook are stricter."""

    level: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Livelihood:
    """保民生: an approved maximum load in place of a stop or limit; who approves, and where it is filed."""

    item_id: str
    clause: str
    attribute: str
    approver: str
    filing: str | None
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Rulebook:
    """方案. Exactly one of ``season`` and ``levels`` is set."""

    rulebook_id: str
    version: str
    zh: str
    en: str
    document: str
    issued: date | None
    zone: str
    season: Season | None
    levels: tuple[Level, ...]
    plant_plans: PlantPlans
    attributes: Mapping[str, Attribute]
    graces: Mapping[str, Grace]
    livelihood: Livelihood | None
    items: tuple[Item, ...]

    def span(self) -> tuple[int, int]:
        """The season as epoch seconds ``[from, to)``: from the first day's midnight to the one after the last day.

        Raises:
            RulebookError: the rulebook has warning levels and no season.
        """
        if self.season is None:
            raise RulebookError(f"{self.rulebook_id}: a rulebook of warning levels has no season")
        return instant(self.zone, self.season.first, 0), instant(self.zone, self.season.last, DAY_S)

    def item(self, item_id: str) -> Item:
        """The item of an id. Raises ``KeyError``."""
        return {i.item_id: i for i in self.items}[item_id]
