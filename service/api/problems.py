"""Every error of the service is an RFC 9457 problem document, whoever raised it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from detectors.errors import CuofengError, InfrastructureError

MEDIA_TYPE = "application/problem+json"
#: Seconds after which a caller may try again when the database is away.
RETRY_AFTER_S = 5

log = structlog.get_logger(__name__)


class ProblemError(CuofengError):
    """An error that the caller is told. ``extra``: members beside those of RFC 9457."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra


def problem_response(
    status: int, detail: str | None = None, *, headers: Mapping[str, str] | None = None, **extra: Any
) -> Response:
    """A problem document. ``title`` is the phrase of the status, ``type`` is about:blank (RFC 9457 §4.2.1)."""
    document: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail is not None:
        document["detail"] = detail
    document |= extra
    return Response(msgspec.json.encode(document), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


async def _on_problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemError):
        raise error
    return problem_response(error.status, error.detail, headers=error.headers, **error.extra)


async def _on_http(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    detail = error.detail if error.detail != HTTPStatus(error.status_code).phrase else None
    return problem_response(error.status_code, detail, headers=error.headers)


async def _on_invalid(_: Request, error: Exception) -> Response:
    """What the caller sent breaks the contract: 400, with each fault's place. The value itself is not echoed."""
    if not isinstance(error, RequestValidationError):
        raise error
    faults = [
        {"in": str(e["loc"][0]), "name": ".".join(str(part) for part in e["loc"][1:]), "reason": e["msg"]}
        for e in error.errors()
    ]
    unknown = sorted(f["name"] for f, e in zip(faults, error.errors(), strict=True) if e["type"] == "extra_forbidden")
    detail = f"unknown parameter: {', '.join(unknown)}" if unknown else "the request breaks the contract"
    return problem_response(400, detail, errors=faults)


async def _on_away(_: Request, error: Exception) -> Response:
    log.warning("database_away", error=str(error), cause=repr(error.__cause__))
    return problem_response(503, "the database is away, try again", headers={"Retry-After": str(RETRY_AFTER_S)})


async def _on_bug(request: Request, error: Exception) -> Response:
    log.error("request_failed", path=request.url.path, method=request.method, error=repr(error), exc_info=error)
    return problem_response(500, "the service failed; the failure was logged")


def install(app: FastAPI) -> None:
    """Make every error that leaves a route a problem document."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(InfrastructureError, _on_away)
    app.add_exception_handler(Exception, _on_bug)
