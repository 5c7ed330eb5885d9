"""A rulebook file (TOML) into a ``Rulebook``. Refuses whatever it does not know: a key that nobody reads is a rule that
nobody applies. docs/rulebooks.md tells the format."""

import tomllib
from zoneinfo import ZoneInfo

from detectors.rulebook.fields import Fields
from detectors.rulebook.parse_conditions import Vocabulary, read_vocabulary
from detectors.rulebook.parse_items import read_id, read_item
from detectors.rulebook.schema import (
    STOP_GRACE,
    Grace,
    Item,
    Level,
    Livelihood,
    PlantPlans,
    Rulebook,
    RulebookError,
    Season,
)


def parse_rulebook(text: str, name: str) -> Rulebook:
    """Read a rulebook; ``name`` (of the file) begins every message.

    Raises:
        RulebookError: not TOML, or not a rulebook: names the place (item, key) and what is wanted.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulebookError(f"{name}: not TOML: {error}") from error
    fields = Fields(table, name)
    vocabulary = read_vocabulary(fields.under("attributes"))
    levels = _levels(fields)
    graces = {grace: _grace(under) for grace, under in fields.under("grace").tables()}
    if STOP_GRACE not in graces:
        raise RulebookError(f"{name}: grace: {STOP_GRACE}: missing")
    rulebook = Rulebook(
        rulebook_id=read_id(fields, "id"),
        version=fields.text("version"),
        zh=fields.text("zh"),
        en=fields.text("en"),
        document=fields.text("document"),
        issued=fields.day("issued") if fields.has("issued") else None,
        zone=_zone(fields),
        season=_season(fields.under("season")) if fields.has("season") else None,
        levels=levels,
        plant_plans=fields.choice("plant_plans", PlantPlans, PlantPlans.MAY_TIGHTEN),
        attributes=vocabulary,
        graces=graces,
        livelihood=_livelihood(fields.under("livelihood"), vocabulary) if fields.has("livelihood") else None,
        items=_items(fields, vocabulary, [level.level for level in levels], graces),
    )
    fields.end()
    if (rulebook.season is None) == (not levels):
        raise RulebookError(f"{name}: exactly one of season, levels is wanted")
    return rulebook


def _zone(fields: Fields) -> str:
    zone = fields.text("zone")
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise fields.error("zone", f"no such zone: {zone!r}") from error
    return zone


def _season(fields: Fields) -> Season:
    season = Season(fields.day("first"), fields.day("last"))
    fields.end()
    if season.last < season.first:
        raise RulebookError(f"{fields.place}: last {season.last} lies before first {season.first}")
    return season


def _levels(fields: Fields) -> tuple[Level, ...]:
    if not fields.has("levels"):
        return ()
    levels = []
    for n, table in enumerate(fields.items("levels"), 1):
        under = Fields(table, f"{fields.place}: levels {n}")
        levels.append(Level(read_id(under, "id"), under.text("zh"), under.text("en")))
        under.end()
    if len({level.level for level in levels}) != len(levels):
        raise fields.error("levels", "an id stands twice")
    return tuple(levels)


def _grace(fields: Fields) -> Grace:
    grace = Grace(
        fields.number("hours", low=-1, high=720, wanted="hours, 0 to 720, are wanted"),
        fields.text("origin"),
        fields.text("zh"),
        fields.text("en"),
    )
    fields.end()
    if grace.hours < 0:
        raise fields.error("hours", f"hours, 0 to 720, are wanted, not {grace.hours}")
    return grace


def _livelihood(fields: Fields, vocabulary: Vocabulary) -> Livelihood:
    attribute = fields.text("attribute")
    if attribute not in vocabulary:
        raise fields.error("attribute", f"{attribute!r} is not in the vocabulary")
    clause = Livelihood(
        item_id=read_id(fields, "id"),
        clause=fields.text("clause"),
        attribute=attribute,
        approver=fields.text("approver"),
        filing=fields.text("filing") if fields.has("filing") else None,
        zh=fields.text("zh"),
        en=fields.text("en"),
    )
    fields.end()
    return clause


def _items(fields: Fields, vocabulary: Vocabulary, levels: list[str], graces: dict[str, Grace]) -> tuple[Item, ...]:
    items: dict[str, Item] = {}
    for n, table in enumerate(fields.items("items"), 1):
        item = read_item(Fields(table, f"{fields.place}: item {n}"), fields.place, vocabulary, levels, set(graces))
        if item.item_id in items:
            raise RulebookError(f"{fields.place}: item {item.item_id}: the id stands twice")
        items[item.item_id] = item
    return tuple(items.values())
