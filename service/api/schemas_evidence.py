"""What the routes of pictures answer, for the OpenAPI document."""

from typing import Any

from service.api.schemas_orders import TAGGED_ERRORS

_EXAMPLE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 560" role="img" aria-labelledby="t d">'
    '<title id="t">某某铸造厂 · 停产期间运行 stop_run</title></svg>'
)
PICTURE_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the picture",
        "content": {"image/svg+xml": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    **TAGGED_ERRORS,
}
