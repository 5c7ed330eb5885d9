"""Findings as plain rows, for the terminal, files and the API."""

from typing import Any

from service.plans.audit_findings import Finding
from service.plans.rows import shown_time

#: What a table and a spreadsheet show.
COLUMNS = (
    "severity",
    "code",
    "county",
    "plant_id",
    "plant_name",
    "line_id",
    "scope_id",
    "meter_id",
    "account",
    "rulebook",
    "clause",
    "missing",
    "since",
    "zh",
    "do_zh",
    "en",
    "do_en",
)


def finding_row(found: Finding, zone: str) -> dict[str, Any]:
    """One finding; times in the zone."""
    at = found.where
    return {
        "code": found.code.value,
        "severity": found.severity.value,
        "county": found.county,
        "plant_id": at.plant_id,
        "plant_name": found.plant_name,
        "line_id": at.line_id,
        "scope_id": at.scope_id,
        "meter_id": at.meter_id,
        "account": at.account,
        "rulebook": found.rulebook,
        "clause": found.clause,
        "missing": list(found.missing),
        "since": None if found.since is None else shown_time(found.since, zone),
        "numbers": dict(found.numbers),
        "zh": found.zh,
        "en": found.en,
        "do_zh": found.do_zh,
        "do_en": found.do_en,
    }
