"""``POST /v1/comparisons``: what a setting would have changed, before it is put to work. Nothing is written."""

import asyncio

from fastapi import FastAPI, Request
from starlette.responses import Response

from detectors.errors import InputError
from detectors.registry import with_default_scopes
from service.api import schemas_comparisons as schemas
from service.api.answers import answer
from service.api.parts import parts_of
from service.api.problems import ProblemError
from service.api.query import NoParameters
from service.baselines.proposals import waiting_rows
from service.db.plant_registry import load_enterprises
from service.db.sessions import reading
from service.whatif.document import document
from service.whatif.stored import compare_stored

#: Bounds of one request: days of its span, and scopes times days (a day before the span is judged too).
SPAN_LIMIT_DAYS = 31
SCOPE_DAYS_LIMIT = 1_000
BUSY_RETRY_S = 5


def register(app: FastAPI) -> None:
    """Add the route."""
    turn = asyncio.Lock()

    @app.post(
        "/v1/comparisons",
        response_model=schemas.ComparisonAnswer,
        responses=schemas.ERRORS,
        dependencies=[NoParameters],
        tags=["comparisons"],
    )
    async def compare_settings(request: Request, body: schemas.ComparisonBody) -> Response:
        """Judge stored loads of some scopes twice, by the registry as it is and with what is proposed, and say which
        alerts would be added, removed or moved, and which days would have another verdict. One at a time."""
        parts = parts_of(request)
        scope_ids, slot_s = sorted(set(body.scopes)), parts.settings.slot_s
        begin_s, end_s = int(body.from_.timestamp()), int(body.to.timestamp())
        if end_s <= begin_s:
            raise ProblemError(400, "`to` must be later than `from`")
        days = -(-(end_s - begin_s) // 86_400)
        if days > SPAN_LIMIT_DAYS:
            raise ProblemError(400, f"one comparison spans {SPAN_LIMIT_DAYS} days at most")
        if days * len(scope_ids) > SCOPE_DAYS_LIMIT:
            raise ProblemError(400, f"one comparison holds {SCOPE_DAYS_LIMIT} days of scopes at most")
        if turn.locked():
            raise ProblemError(503, "another comparison is under way", headers={"Retry-After": str(BUSY_RETRY_S)})
        async with turn:
            health = await parts.health.current()
            judged = health.data_as_of(slot_s)
            if judged is None or judged.timestamp() <= begin_s:
                raise ProblemError(400, "nothing is judged yet between `from` and `to`")
            as_of = int(judged.timestamp())
            async with reading(parts.engine) as connection:
                registry = with_default_scopes(await load_enterprises(connection, scope_ids))
                known = {s.scope_id for s in registry.scopes}
                unknown = sorted(set(scope_ids) - known)
                if unknown:
                    raise ProblemError(404, f"no such scope: {', '.join(unknown[:5])}")
                waiting = await waiting_rows(connection, body.versions, sorted(known))
                try:
                    proposed = body.applied(registry, waiting)
                except InputError as error:
                    raise ProblemError(400, str(error)) from error
                found = await compare_stored(
                    connection, registry, proposed, scope_ids, begin_s=begin_s, end_s=end_s, as_of=as_of, slot_s=slot_s
                )
        plant_of = {s.scope_id: s.plant_id for s in registry.scopes}
        return answer(document(found, plant_of, as_of=as_of, zone=registry.zone, slot_s=slot_s))
