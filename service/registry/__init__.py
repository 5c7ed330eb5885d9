"""The registry as the office's files hold it (CONTRACTS §1): read, checked, and written as a template."""

from service.registry.read import open_registry, parse_registry, read_registry
from service.registry.settle import Opened, Parsed, settle

__all__ = ["Opened", "Parsed", "open_registry", "parse_registry", "read_registry", "settle"]
