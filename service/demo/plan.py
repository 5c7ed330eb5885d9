"""How the demo's orders come about: the shipped rulebooks, applied to what the office of the demo holds."""

from dataclasses import replace

from detectors.registry import Episode, Registry
from service.demo.season import instant
from service.plans.changes import plan_changes
from service.plans.shipped import read_rulebook

#: Rulebook of the season, and of warning levels.
SEASON_PLAN, WARNING_PLAN = "zhengzhou-2017", "heavy-pollution"
#: Document of the warning levels' rulebook; order ids begin with it.
WARNING_DOCUMENT = "重污染天气应急缺省"

EPISODE = "2017-11-C"
#: The warning of the story: a level a row, in one county.
WARNING_COUNTY = "演示丙县"
YELLOW_S, ORANGE_S, WARNING_END_S = instant(17, "00:00"), instant(18, "00:00"), instant(20, "00:00")
YELLOW = Episode(EPISODE, YELLOW_S, "yellow", "演示预警通知1号", valid_to=ORANGE_S, county=WARNING_COUNTY)
ORANGE = Episode(EPISODE, ORANGE_S, "orange", "演示预警通知2号", valid_to=WARNING_END_S, county=WARNING_COUNTY)


def planned(office: Registry) -> Registry:
    """The office's rows, and what applying both rulebooks adds to them: orders, their scopes, turns as exemptions.

    Raises PlantPlanError as ``plan_changes`` does.
    """
    registry = office
    for name in (SEASON_PLAN, WARNING_PLAN):
        rows = plan_changes(read_rulebook(name).rulebook, registry).rows
        registry = replace(
            registry,
            scopes=registry.scopes + rows.scopes,
            scope_meters=registry.scope_meters + rows.scope_meters,
            orders=registry.orders + rows.orders,
            exemptions=registry.exemptions + rows.exemptions,
        )
    return registry


def warning_order_id(episode: Episode, scope_id: str) -> str:
    """Id of the order that a warning level makes of a scope in the story (levels begin at midnight)."""
    day = {YELLOW_S: "17", ORANGE_S: "18"}[episode.valid_from]
    return f"{WARNING_DOCUMENT}-{EPISODE}-{episode.level}-201711{day}T0000-{scope_id}"
