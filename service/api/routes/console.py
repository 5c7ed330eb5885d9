"""The page at `/` and its files: whatever it shows it asks for with the reader's own key."""

from functools import cache
from importlib.resources import files
from typing import Annotated

from fastapi import FastAPI, Path, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from service.api.parts import parts_of
from service.api.problems import ProblemError
from service.api.query import NoParameters
from service.api.release import UNPACKAGED

STATIC = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "curve.js": "text/javascript",
    "orders.js": "text/javascript",
    "service.js": "text/javascript",
    "words.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


def register(app: FastAPI) -> None:
    """Add the routes."""
    templates = Environment(
        loader=PackageLoader("service.console", "templates"), autoescape=True, undefined=StrictUndefined
    )

    @app.get("/", include_in_schema=False, response_class=Response, dependencies=[NoParameters])
    async def page(request: Request) -> Response:
        """The page; it holds no data."""
        settings = parts_of(request).settings
        body = templates.get_template("console.html").render(
            is_demo=settings.demo,
            zone=settings.zone,
            slot_s=settings.slot_s,
            release="" if request.app.version == UNPACKAGED else f" {request.app.version}",
        )
        return Response(body, media_type="text/html; charset=utf-8")

    @app.get("/static/{name}", include_in_schema=False, response_class=Response, dependencies=[NoParameters])
    async def static(name: Annotated[str, Path()]) -> Response:
        """One of the page's files."""
        if name not in STATIC:
            raise ProblemError(404, "no such file")
        return Response(static_file(name), media_type=STATIC[name], headers={"Cache-Control": "no-cache"})


@cache
def static_file(name: str) -> bytes:
    """Content of one of the page's files."""
    return files("service.console").joinpath("static", name).read_bytes()
