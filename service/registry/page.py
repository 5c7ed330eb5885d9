"""Tables of the docs that are written from what reads the files: columns of the registry, kinds of thresholds."""

from detectors.thresholds import KINDS
from service.registry.columns import Column, Table
from service.registry.tables import TABLES


def column_tables() -> str:
    """One Markdown section a table: header, what a cell holds, what it means, default and example."""
    return "\n".join(_section(table) for table in TABLES)


def threshold_table() -> str:
    """All kinds of thresholds as one Markdown table."""
    lines = [
        "| rule.name | 名称 | default | from … to | unit | meaning | set for |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| `{k.rule}.{k.name}` | {k.zh} | {k.default:g} | {k.low:g} … {k.high:g} | {k.unit} | {k.en} |"
            f" {'a scope, or all' if k.per_scope else 'all only'} |"
            for k in KINDS
        ),
    ]
    return "\n".join(lines) + "\n"


def _section(table: Table) -> str:
    also = f" Also: {', '.join(table.aliases)}." if table.aliases else ""
    needs = (
        f" One of these is wanted (至少一列): {', '.join(f'`{name}`' for name in table.needs)}." if table.needs else ""
    )
    lines = [
        f"### `{table.name}` {table.zh}",
        "",
        f"{table.en} {table.note_zh}{also}{needs}",
        "",
        "| column | 列 | also | holds | meaning | 含义 | default | example |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_line(column) for column in table.columns),
        "",
    ]
    return "\n".join(lines)


def _line(column: Column) -> str:
    default = next((text for text, value in column.choices.items() if value == column.default), column.default)
    cells = (
        f"`{column.name}`{'*' if column.required else ''}",
        column.zh,
        ", ".join(column.aliases),
        _holds(column),
        column.en,
        column.note_zh,
        "" if default is None else f"`{default}`",
        f"`{column.example}`" if column.example else "",
    )
    return "| " + " | ".join(cells) + " |"


def _holds(column: Column) -> str:
    if column.choices:
        labels: dict[object, list[str]] = {}
        for text, value in column.choices.items():
            labels.setdefault(value, []).append(text)
        return "; ".join(
            f"`{texts[0]}`" + (f" ({', '.join(texts[1:])})" if texts[1:] else "") for texts in labels.values()
        )
    bounds = [
        f"> {column.above:g}" if column.above is not None else "",
        f"≥ {column.minimum:g}" if column.minimum is not None else "",
        f"≤ {column.maximum:g}" if column.maximum is not None else "",
    ]
    return " ".join([column.form.value, *filter(None, bounds)])
