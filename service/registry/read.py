"""A workbook, a CSV file or a folder of them -> a typed registry, or every fault in it at once."""

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from detectors.registry import Registry, Source
from service.db.registry_checks import check
from service.db.registry_errors import RegistryErrors
from service.registry.cell_rows import read_cells
from service.registry.settle import Opened, Parsed, settle
from service.registry.sheets import read_book


def open_registry(path: Path, *, zone: str = "Asia/Shanghai", slot_s: int = 900, document: str | None = None) -> Opened:
    """Read a file cell by cell (CONTRACTS §1); what its rows name is not looked up yet.

    zone: of times without offset. slot_s: width of a slot in seconds, for profiles. document: number of the document
    that lists and plans of plants belong to, where the file does not say it. Raises InputError where there is
    nothing to read at ``path``; faults of rows are collected, not raised.
    """
    book = read_book(path)
    errors, warnings = list(book.errors), list(book.warnings)
    tables = tuple(read_cells(sheet, ZoneInfo(zone), slot_s, errors, warnings, document) for sheet in book.sheets)
    return Opened(zone, tables, tuple(errors), tuple(warnings))


def parse_registry(
    path: Path,
    *,
    zone: str = "Asia/Shanghai",
    slot_s: int = 900,
    document: str | None = None,
    stored: Registry | None = None,
) -> Parsed:
    """``open_registry`` and ``settle`` in one: the typed rows of a file. Rows may name the plants and lines of
    ``stored`` beside those of the file itself. They are not compared with other rows yet."""
    opened = open_registry(path, zone=zone, slot_s=slot_s, document=document)
    return settle(opened, stored or Registry(zone=zone))


def read_registry(path: Path, *, zone: str = "Asia/Shanghai", slot_s: int = 900) -> Registry:
    """The registry that a workbook or folder holds by itself, checked; sources that only meters name are added.

    Raises RegistryErrors with every fault, InputError where there is nothing to read.
    """
    parsed = parse_registry(path, zone=zone, slot_s=slot_s)
    found = check(parsed.registry, Registry(zone=zone), parsed.origins)
    if parsed.errors or found.errors:
        raise RegistryErrors([*parsed.errors, *found.errors])
    registry = parsed.registry
    named = {source.source for source in registry.sources}
    missing = sorted({meter.source for meter in registry.meters} - named)
    return replace(registry, sources=registry.sources + tuple(Source(source) for source in missing))
