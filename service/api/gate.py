"""The outermost layer, plain ASGI: bounds on bodies and on requests at once, security headers, counting."""

import time

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem_response
from service.observability.metrics import ServeMetrics

BODY_LIMIT_BYTES = 1 << 20
IN_FLIGHT_LIMIT = 1000
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        b" base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
)

log = structlog.get_logger(__name__)


class Gate:
    """Wraps the app. Not a ``BaseHTTPMiddleware``: that one breaks cancellation and streams (RELIABILITY §2)."""

    def __init__(self, app: ASGIApp, metrics: ServeMetrics) -> None:
        self._app = app
        self._metrics = metrics
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; anything else passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s, status = time.monotonic(), 500

        async def counted_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *((n, v) for n, v in _HEADERS if n not in present)]
                if b"cache-control" not in present:
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        self._in_flight += 1
        self._metrics.in_flight.set(self._in_flight)
        try:
            if self._in_flight > IN_FLIGHT_LIMIT:
                busy = problem_response(503, "too many requests at once, try again", headers={"Retry-After": "1"})
                await busy(scope, receive, counted_send)
            elif _declared_bytes(scope) > BODY_LIMIT_BYTES:
                await problem_response(413, "a body holds 1 MiB at most")(scope, receive, counted_send)
            else:
                await self._app(scope, _bounded(receive), counted_send)
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.set(self._in_flight)
            seconds = time.monotonic() - begun_s
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.answered(method=_method(scope), route=route, status=status, seconds=seconds)
            log.debug("answered", method=scope["method"], route=route, status=status, seconds=round(seconds, 4))


def _declared_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _method(scope: Scope) -> str:
    """The method as a label: a closed set, whatever a caller sends."""
    return (
        scope["method"] if scope["method"] in ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH") else "other"
    )


def _bounded(receive: Receive) -> Receive:
    """A body that declares no length is counted as it comes."""
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > BODY_LIMIT_BYTES:
            raise HTTPException(413, "a body holds 1 MiB at most")
        return message

    return bounded
