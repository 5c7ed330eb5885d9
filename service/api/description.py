"""The OpenAPI document: what FastAPI derives, with our errors in place of its own, and who may call each route."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.access import ACCESS, OPEN

_OWN_422 = "#/components/schemas/HTTPValidationError"


def describe(app: FastAPI) -> dict[str, Any]:
    """The document, made anew. Refused input is 400 here (STACK, HTTP), so FastAPI's own 422 is taken out."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _without_own_422(operation["responses"])
            roles = ACCESS[(method.upper(), path)]
            if roles is not OPEN:
                operation["security"] = [{"key": []}]
                operation["description"] += f"\n\nRoles: {', '.join(sorted(roles))}."
    components = document.setdefault("components", {})
    for name in ("HTTPValidationError", "ValidationError"):
        components.get("schemas", {}).pop(name, None)
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "a key of `cuofeng keys create`"}
    }
    return document


def _without_own_422(responses: dict[str, Any]) -> None:
    content = responses.get("422", {}).get("content", {})
    if content.get("application/json", {}).get("schema", {}).get("$ref") == _OWN_422:
        del content["application/json"]
        if not content:
            del responses["422"]
