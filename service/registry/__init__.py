"""The registry as the office's files hold it (CONTRACTS §1): read, checked, and written as a template."""

from service.registry.read import Parsed, parse_registry, read_registry

__all__ = ["Parsed", "parse_registry", "read_registry"]
