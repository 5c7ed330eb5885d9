"""Pages that show tables show them as they are read: columns of the registry, kinds of thresholds."""

from pathlib import Path

from service.registry.page import column_tables, threshold_table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "registry.md"


def test_the_page_shows_every_column_as_it_is_read() -> None:
    page = PAGE.read_text(encoding="utf-8")
    _, _, shown = page.partition("a test compares -->\n\n")
    assert shown == column_tables()


def test_the_rules_show_every_threshold_as_it_is_looked_up() -> None:
    page = PAGE.parent / "rules" / "README.md"
    _, _, after = page.read_text(encoding="utf-8").partition("a test compares -->\n\n")
    assert after.partition("\n\n")[0] + "\n" == threshold_table()
