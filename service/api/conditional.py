"""Answers that a reader may already have: an ETag of what is written, and 304 to who names it."""

import hashlib
from typing import Any

import msgspec
from fastapi import Request
from starlette.responses import Response


def tagged(request: Request, body: Any) -> Response:
    """JSON with its ETag; 304 without a body where ``If-None-Match`` names it (RFC 9110 §13.1.2).

    Only for answers without ``data_as_of``: those change with every slot.
    """
    return _answered(request, msgspec.json.encode(body), "application/json")


def tagged_text(request: Request, text: str, media_type: str) -> Response:
    """The same for a text that is written already."""
    return _answered(request, text.encode(), media_type)


def _answered(request: Request, written: bytes, media_type: str) -> Response:
    etag = f'"{hashlib.sha256(written).hexdigest()[:32]}"'
    if _names(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers={"ETag": etag})
    return Response(written, headers={"ETag": etag}, media_type=media_type)


def _names(header: str, etag: str) -> bool:
    named = {part.strip().removeprefix("W/") for part in header.split(",")}
    return etag in named or "*" in named
