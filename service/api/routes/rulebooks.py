"""``GET /v1/rulebooks``: the plans as data, those that come with the software and every version that was applied."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from starlette.responses import Response

from detectors.rulebook.parse import parse_rulebook
from detectors.rulebook.schema import Rulebook, RulebookError
from service.api import schemas_orders as schemas
from service.api.answers import instant
from service.api.conditional import tagged
from service.api.parts import Parts, parts_of
from service.api.problems import ProblemError
from service.api.query import NoParameters, RulebookQuery, Text
from service.api.rulebook_documents import no_rulebook_document, rulebook_document
from service.db.rulebooks import AppliedRulebook, applied_rulebooks
from service.db.sessions import reading
from service.plans.shipped import Reading, read_rulebook, shipped


def register(app: FastAPI) -> None:
    """Add the routes."""

    @app.get(
        "/v1/rulebooks",
        response_model=schemas.RulebooksAnswer,
        responses=schemas.TAGGED_ERRORS,
        dependencies=[NoParameters],
        tags=["rulebooks"],
    )
    async def list_rulebooks(request: Request) -> Response:
        """Every version that was applied, the latest first, then those that only come with the software."""
        parts = parts_of(request)
        own, applied = await _all(parts)
        return tagged(request, {"rulebooks": [_head(parts, book, own) for book in _versions(own, applied)]})

    @app.get(
        "/v1/rulebooks/{rulebook_id}",
        response_model=schemas.RulebookAnswer,
        responses=schemas.TAGGED_ERRORS,
        tags=["rulebooks"],
    )
    async def show_rulebook(
        request: Request, rulebook_id: Annotated[Text, Path()], query: Annotated[RulebookQuery, Query()]
    ) -> Response:
        """One rulebook: items with clauses, industries, demands and brackets in Chinese and English."""
        parts = parts_of(request)
        own, applied = await _all(parts)
        wanted = (
            book
            for book in _versions(own, applied)
            if _name(book)[0] == rulebook_id and query.version in (None, _name(book)[1])
        )
        found = next(wanted, None)
        if found is None:
            raise ProblemError(404, "no such rulebook")
        body = await asyncio.to_thread(_body, found)
        return tagged(request, _head(parts, found, own) | body)


_Version = AppliedRulebook | Reading


async def _all(parts: Parts) -> tuple[list[Reading], list[AppliedRulebook]]:
    own = await asyncio.to_thread(lambda: [read_rulebook(name) for name in shipped()])
    async with reading(parts.engine) as connection:
        return own, await applied_rulebooks(connection)


def _versions(own: Sequence[Reading], applied: Sequence[AppliedRulebook]) -> list[_Version]:
    """Applied versions, the latest first, then shipped ones that never were."""
    seen = {_name(book) for book in applied}
    return [*applied, *(book for book in own if _name(book) not in seen)]


def _name(book: _Version) -> tuple[str, str]:
    if isinstance(book, AppliedRulebook):
        return book.rulebook_id, book.version
    return book.rulebook.rulebook_id, book.rulebook.version


def _head(parts: Parts, book: _Version, own: Sequence[Reading]) -> dict[str, Any]:
    rulebook_id, version = _name(book)
    named, applied = (book, book) if isinstance(book, AppliedRulebook) else (book.rulebook, None)
    zh, en = (named.title_zh, named.title_en) if isinstance(named, AppliedRulebook) else (named.zh, named.en)
    return {
        "rulebook_id": rulebook_id,
        "version": version,
        "document": named.document,
        "title": {"zh": zh, "en": en},
        "is_shipped": book.body in [reading.body for reading in own],
        "first_applied_at": None if applied is None else instant(applied.first_applied_at, parts.zone),
        "applied_at": None if applied is None else instant(applied.applied_at, parts.zone),
    }


def _body(book: _Version) -> dict[str, Any]:
    """Items and vocabulary; of a version that this software does not read any more, why."""
    try:
        return rulebook_document(_read(book))
    except RulebookError as error:
        return no_rulebook_document(str(error))


def _read(book: _Version) -> Rulebook:
    return parse_rulebook(book.body, book.rulebook_id) if isinstance(book, AppliedRulebook) else book.rulebook
