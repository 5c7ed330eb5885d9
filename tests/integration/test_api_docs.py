"""docs/api.md shows the routes, roles and parameters that there are."""

import re
from pathlib import Path

from service.api.access import ACCESS, OPEN
from service.api.query import (
    AlertsQuery,
    AtQuery,
    BaselinesQuery,
    DayQuery,
    FeedQuery,
    LanguageQuery,
    OrdersQuery,
    PageQuery,
    PictureSpanQuery,
    PlantsQuery,
    RulebookQuery,
    SpanQuery,
)
from service.api.schemas_audit import AuditQuery

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
ROWS = {
    (method, path): (roles, text)
    for method, path, roles, text in re.findall(r"^\| `(\w+) (\S+)` \| (.*?) \| (.*) \|$", PAGE, re.MULTILINE)
}


def test_every_route_is_documented_with_its_roles() -> None:
    """The table of docs/api.md is the table of the code."""
    assert {key: set(roles.split()) for key, (roles, _) in ROWS.items()} == {
        key: {"open"} if roles is OPEN else {role.value for role in roles} for key, roles in ACCESS.items()
    }


def test_every_parameter_is_documented() -> None:
    """Beside its route; `limit` and `cursor` of lists once for all."""
    for path, model in (
        ("/v1/alert-events", FeedQuery),
        ("/v1/alerts", AlertsQuery),
        ("/v1/plants", PlantsQuery),
        ("/v1/orders", OrdersQuery),
        ("/v1/plants/{plant_id}/orders", AtQuery),
        ("/v1/rulebooks/{rulebook_id}", RulebookQuery),
        ("/v1/scopes/{scope_id}/load", SpanQuery),
        ("/v1/scopes/{scope_id}/caps", SpanQuery),
        ("/v1/scopes/{scope_id}/baselines", BaselinesQuery),
        ("/v1/scopes/{scope_id}/evidence.svg", PictureSpanQuery),
        ("/v1/alerts/{alert_id}/evidence.svg", LanguageQuery),
        ("/v1/scopes/{scope_id}/caps/explain", AtQuery),
        ("/v1/scopes/{scope_id}/thresholds", DayQuery),
        ("/v1/days/{day}", PageQuery),
        ("/v1/audit/unlisted", AuditQuery),
    ):
        text = ROWS[("GET", path)][1]
        for name, field in model.model_fields.items():
            shown = field.alias or name
            if shown in ("limit", "cursor") and model is not FeedQuery:
                assert f"`{shown}`" in PAGE
            else:
                assert re.search(rf"`{shown}\b", text), (path, shown)
