"""Who may call what: one table, deny by default, checked before anything of the request is parsed (RELIABILITY §4)."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from service.api.parts import parts_of
from service.api.problems import ProblemError
from service.db.keys import AccessRole, Identity

#: Marks a route without a key.
OPEN: frozenset[AccessRole] = frozenset()
READERS = frozenset({AccessRole.CITY, AccessRole.COUNTY, AccessRole.OPERATOR, AccessRole.AUDITOR})
WORKERS = frozenset({AccessRole.CITY, AccessRole.COUNTY, AccessRole.OPERATOR})
#: Who may try out settings: they concern plants of all counties.
OFFICES = frozenset({AccessRole.CITY, AccessRole.OPERATOR})
SCRAPERS = frozenset({AccessRole.METRICS, AccessRole.OPERATOR})

#: Every route of the app. A route that is not here cannot be registered.
ACCESS: Mapping[tuple[str, str], frozenset[AccessRole]] = {
    ("GET", "/"): OPEN,
    ("GET", "/static/{name}"): OPEN,
    ("GET", "/livez"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/metrics"): SCRAPERS,
    ("GET", "/v1/openapi.json"): READERS,
    ("GET", "/v1/status"): READERS,
    ("GET", "/v1/alert-events"): READERS,
    ("GET", "/v1/alerts"): READERS,
    ("GET", "/v1/alerts/{alert_id}"): READERS,
    ("GET", "/v1/alerts/{alert_id}/evidence.svg"): READERS,
    ("POST", "/v1/alerts/{alert_id}/acknowledge"): WORKERS,
    ("GET", "/v1/plants"): READERS,
    ("GET", "/v1/plants/{plant_id}/orders"): READERS,
    ("GET", "/v1/orders"): READERS,
    ("GET", "/v1/rulebooks"): READERS,
    ("GET", "/v1/rulebooks/{rulebook_id}"): READERS,
    ("GET", "/v1/scopes/{scope_id}/load"): READERS,
    ("GET", "/v1/scopes/{scope_id}/baselines"): READERS,
    ("GET", "/v1/scopes/{scope_id}/thresholds"): READERS,
    ("GET", "/v1/scopes/{scope_id}/evidence.svg"): READERS,
    ("GET", "/v1/scopes/{scope_id}/caps"): READERS,
    ("GET", "/v1/scopes/{scope_id}/caps/explain"): READERS,
    ("GET", "/v1/days/{day}"): READERS,
    ("POST", "/v1/comparisons"): OFFICES,
    ("GET", "/v1/audit/unlisted"): READERS,
}

log = structlog.get_logger(__name__)


class GuardedRoute(APIRoute):
    """A route that asks ``ACCESS`` first. One that is not in the table cannot be built: ``KeyError``, no app."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route: identity first, then body and parameters."""
        inner = super().get_route_handler()
        roles = {method: ACCESS[(method, self.path)] for method in self.methods or ()}

        async def guarded(request: Request) -> Response:
            allowed = roles[request.method]
            if allowed is not OPEN:
                request.state.identity = await authorise(request, allowed)
            return await inner(request)

        return guarded


async def authorise(request: Request, allowed: frozenset[AccessRole]) -> Identity:
    """The caller's identity.

    Raises:
        ProblemError: 401 without a valid key, 403 when its role may not do this.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    identity = None
    if scheme.lower() == "bearer":
        ring = parts_of(request).keys
        identity = await ring.identify(key.strip(), outlives_database=allowed is SCRAPERS)
    if identity is None:
        log.info("denied", status=401, method=request.method, path=request.url.path)
        raise ProblemError(
            401, "a valid key is needed: Authorization: Bearer <key>", headers={"WWW-Authenticate": "Bearer"}
        )
    if identity.role not in allowed:
        log.info("denied", status=403, method=request.method, path=request.url.path, key_id=identity.key_id)
        raise ProblemError(403, f"the role {identity.role.value} may not do this")
    return identity


def identity_of(request: Request) -> Identity:
    """Who calls; set by the guard of every route that needs a key."""
    identity = request.state.identity
    if not isinstance(identity, Identity):
        raise TypeError("the route is open: nobody is known")
    return identity


def bounded_county(identity: Identity, asked: str | None) -> str | None:
    """The county that bounds the rows: a county's key sees its own, whatever it asks for; None = all.

    Raises:
        ProblemError: 404 when a county's key asks for another county: out of scope looks like absent.
    """
    if identity.role is not AccessRole.COUNTY:
        return asked
    if identity.county is None:
        raise ProblemError(403, "this key names no county")
    if asked is not None and asked != identity.county:
        raise ProblemError(404, "no such county")
    return identity.county
