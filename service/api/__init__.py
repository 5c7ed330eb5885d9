"""The HTTP service: reads only, never judges (DESIGN §1). ``create_app`` is all that the rest of the world needs."""

from service.api.app import create_app

__all__ = ["create_app"]
