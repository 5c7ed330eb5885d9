"""The tables of CONTRACTS §1: names, Chinese headers, what a cell may hold. All else derives from these pages."""

from service.registry.tables_orders import BASELINES, EXEMPTIONS, ORDERS, OUTAGES
from service.registry.tables_plans import APPROVALS, EPISODES, LISTINGS, PLANT_PLANS, ROTATIONS
from service.registry.tables_plants import (
    CALENDAR,
    LINES,
    METERS,
    MULTIPLIERS,
    PLANTS,
    SCOPE_METERS,
    SCOPES,
    SOURCES,
)
from service.registry.tables_thresholds import THRESHOLDS

#: In the order in which rows refer to each other.
TABLES = (
    SOURCES,
    PLANTS,
    LINES,
    METERS,
    MULTIPLIERS,
    SCOPES,
    SCOPE_METERS,
    ORDERS,
    BASELINES,
    EXEMPTIONS,
    THRESHOLDS,
    OUTAGES,
    LISTINGS,
    PLANT_PLANS,
    APPROVALS,
    EPISODES,
    ROTATIONS,
    CALENDAR,
)
