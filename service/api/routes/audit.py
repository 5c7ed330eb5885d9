"""``GET /v1/audit/unlisted``: whom the plan covers and the list does not name, and what is missing to judge it."""

import asyncio
import time
from collections import Counter
from typing import Annotated

from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from service.api import schemas
from service.api.access import bounded_county, identity_of
from service.api.answers import answer, standing
from service.api.parts import Parts, parts_of
from service.api.schemas_audit import ALL, AuditAnswer, AuditQuery
from service.api.tokens import filter_hash
from service.db.sessions import reading
from service.db.stream_time import registry_version
from service.plans.audit_rows import finding_row
from service.plans.run_audit import Audit, audit_apart

#: An audit of the same registry is shown again for so long (seconds): what readings tell of it may be as old.
REMEMBERED_S = 60.0


class _Desk:
    """The last audit. A new one is made in a thread, with a loop and a connection of its own, so no request waits for
    the rows of a whole city."""

    def __init__(self) -> None:
        self._made: tuple[float, Audit] | None = None
        self._lock = asyncio.Lock()

    async def audit(self, parts: Parts) -> Audit:
        """Of the registry as it is now. Raises InfrastructureError where the database is away."""
        async with reading(parts.engine) as connection:
            version = await registry_version(connection)
        async with self._lock:
            now_s = time.monotonic()
            if self._made is None or self._made[1].version < version or now_s - self._made[0] >= REMEMBERED_S:
                url = parts.engine.url.render_as_string(hide_password=False)
                made = await asyncio.to_thread(
                    audit_apart, url, None, now_s=parts.clock.now(), slot_s=parts.settings.slot_s
                )
                self._made = time.monotonic(), made
            return self._made[1]


def register(app: FastAPI) -> None:
    """Add the route."""
    desk = _Desk()

    @app.get("/v1/audit/unlisted", response_model=AuditAnswer, responses=schemas.LIST_ERRORS, tags=["audit"])
    async def list_findings(request: Request, query: Annotated[AuditQuery, Query()]) -> Response:
        """Plants and lines that a rulebook covers and the office's list does not name; with `code` anything else that
        the audit finds. By plant; those of no plant come last."""
        parts = parts_of(request)
        county = bounded_county(identity_of(request), query.county)
        hashed = filter_hash({"county": county, "code": query.code, "list": "audit"})
        after: tuple[str, ...] = ()
        if query.cursor is not None:
            after = tuple(parts.tokens.open_page_cursor(query.cursor, hashed, 3))
        health = await parts.health.current()
        audit = await desk.audit(parts)
        seen = [f for f in audit.findings if county is None or f.county == county]
        asked = [f for f in seen if query.code in (ALL, f.code) and f.key > after]
        page = asked[: query.limit]
        return answer(
            {
                "rulebooks": [
                    {"id": c.rulebook_id, "version": c.version, "document": c.document, "listed_plants": c.listed}
                    for c in audit.compared
                ],
                "counts": dict(sorted(Counter(f.code.value for f in seen).items())),
                "findings": [finding_row(f, audit.zone) for f in page],
                "next": parts.tokens.page_cursor(list(page[-1].key), hashed) if len(asked) > len(page) else None,
                **standing(parts, health),
            }
        )
