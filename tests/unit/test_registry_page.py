"""``docs/registry.md`` shows the tables as they are read."""

from pathlib import Path

from service.registry.page import column_tables

PAGE = Path(__file__).resolve().parents[2] / "docs" / "registry.md"


def test_the_page_shows_every_column_as_it_is_read() -> None:
    page = PAGE.read_text(encoding="utf-8")
    _, _, shown = page.partition("a test compares -->\n\n")
    assert shown == column_tables()
