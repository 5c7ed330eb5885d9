"""The run as one page: a chart a question, every line with its last value and its verdict. Needs no network."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10

from tests.soak.lines import Series, Verdict

WIDTH, HEIGHT = 560, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 10, 24
#: Distances of times on the axis, seconds.
TICKS_S = (5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400)
COLOURS = ("#1f5f8b", "#c26a2d", "#4b8b3b", "#8a4f9e", "#a33a3a", "#5c6670", "#b08d2e")
#: Charts: title, unit, what the reader should see in it, and the series' first word.
CHARTS = (
    ("Resident memory", "MiB", "Each process by itself. Those ending in -b are killed and started again.", "rss_mib"),
    ("Open descriptors", "", "Files and sockets of each process.", "descriptors"),
    ("Latency", "s", "From a reading's acknowledgement to its alert on the change feed; a restart costs a session "
     "time-out.", "latency_s"),
    ("Lag", "records", "Sent and not yet committed.", "lag_records"),
    ("Readings", "per s", "Committed.", "readings_per_s"),
    ("Alert events", "per s", "Published.", "events_per_s"),
    ("Database sessions", "", "By application name.", "sessions"),
    ("Marks", "", "Spans of slots that wait to be judged again.", "marks"),
    ("CPU", "% of one core", "Of each process.", "cpu_percent"),
    ("Tables with indexes", "MiB", "Readings, days and events grow with the stream: they are the archive.",
     "size_mib"),
    ("Bytes of readings", "per record", "Heap and indexes over all records read: flat when nothing swells.",
     "bytes_per_reading"),
    ("Dead rows", "", "What vacuum has not taken yet, all tables.", "dead_rows"),
)  # fmt: skip
STYLE = """
:root{color-scheme:light;--ink:#1d2429;--soft:#66717a;--line:#e3e7ea;--paper:#fff;--ground:#f5f6f7}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);
font:14px/1.5 system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif}main{max-width:1240px;margin:0 auto;padding:28px 20px}
h1{font-size:22px;margin:0 0 2px}h2{font-size:15px;margin:0}p{margin:2px 0 0}.soft{color:var(--soft)}
.facts{display:flex;flex-wrap:wrap;gap:6px 28px;margin:14px 0 18px}.facts b{display:block;font-size:17px}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(460px,1fr));gap:14px}
.card{background:var(--paper);border:1px solid var(--line);border-radius:6px;padding:14px 16px}
.wide{margin-bottom:14px}svg{display:block;width:100%;height:auto;margin-top:8px}
svg text{font-size:11px;fill:var(--soft)}.legend{display:flex;flex-wrap:wrap;gap:2px 16px;margin-top:6px;font-size:12px}
.legend i{display:inline-block;width:14px;height:3px;border-radius:2px;vertical-align:middle;margin-right:6px}
table{border-collapse:collapse;width:100%;font-size:13px}td{padding:3px 14px 3px 0;border-top:1px solid var(--line)}
.good{color:#2f7d32}.bad{color:#b3261e;font-weight:600}.columns{columns:2;column-gap:32px}li{break-inside:avoid}
ul{margin:6px 0 0;padding-left:18px}.mark{stroke:#b9c1c7;stroke-dasharray:2 3}
"""


def page(
    title: str,
    facts: Sequence[tuple[str, str]],
    series: Mapping[str, Series],
    events: Sequence[tuple[float, str]],
    verdicts: Sequence[Verdict],
    problems: Sequence[str],
) -> str:
    """The whole HTML document. facts: (value, what it is)."""
    told = "".join(f"<div><b>{escape(v)}</b><span class=soft>{escape(w)}</span></div>" for v, w in facts)
    cards = "".join(_card(*chart, series, events, verdicts) for chart in CHARTS)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style><main><h1>{escape(title)}</h1>'
        f"<p class=soft>Dotted lines are things done to the system; hover them.</p><div class=facts>{told}</div>"
        f"{_findings(verdicts, problems)}<div class=grid>{cards}</div>{_happenings(events)}</main></html>\n"
    )


def _findings(verdicts: Sequence[Verdict], problems: Sequence[str]) -> str:
    lines = "".join(f"<li class=bad>{escape(p)}</li>" for p in problems)
    if not problems:
        lines = (
            "<li class=good>every row accounted for once; days and alerts as a back-test has them; no event missed</li>"
        )
    grown = [v for v in verdicts if v.is_flat is False]
    for v in grown:
        lines += f"<li class=bad>{escape(v.line)} {escape(v.text())}</li>"
    if not grown and any(v.is_flat for v in verdicts):
        lines += "<li class=good>memory, descriptors and sessions of what ran throughout are flat</li>"
    rows = "".join(
        f"<tr><td>{escape(v.line)}<td class={'bad' if v.is_flat is False else 'soft'}>{escape(v.text())}"
        for v in verdicts
    )
    return (
        f'<div class="card wide"><h2>Findings</h2><ul>{lines}</ul><details><summary class=soft>every line judged'
        f"</summary><table>{rows}</table></details></div>"
    )


def _happenings(events: Sequence[tuple[float, str]]) -> str:
    items = "".join(f"<li>{_minutes(at)} {escape(what)}</li>" for at, what in events)
    return f'<div class="card wide" style="margin-top:14px"><h2>What was done</h2><ul class=columns>{items}</ul></div>'


def _card(
    title: str,
    unit: str,
    says: str,
    word: str,
    series: Mapping[str, Series],
    events: Sequence[tuple[float, str]],
    verdicts: Sequence[Verdict],
) -> str:
    lines = {n.partition(" ")[2] or title.lower(): s for n, s in sorted(series.items()) if n.split()[0] == word and s}
    judged = [v for v in verdicts if v.line.split()[0] == word]
    grown = [v for v in judged if v.is_flat is False]
    word_of = "<span class=bad>grows</span>" if grown else "<span class=good>flat</span>"
    badge = f" · {word_of}" if any(v.is_flat is not None for v in judged) else ""
    unit_told = f" <span class=soft>{escape(unit)}</span>" if unit else ""
    return (
        f"<section class=card><h2>{escape(title)}{unit_told}{badge}</h2><p class=soft>{escape(says)}</p>"
        f"{_chart(lines, events)}<div class=legend>{_legend(lines)}</div></section>"
    )


def _legend(lines: Mapping[str, Series]) -> str:
    return "".join(
        f'<span><i style="background:{COLOURS[i % len(COLOURS)]}"></i>{escape(name)} '
        f"<span class=soft>{_number(line[-1][1])}</span></span>"
        for i, (name, line) in enumerate(lines.items())
    )


def _chart(lines: Mapping[str, Series], events: Sequence[tuple[float, str]]) -> str:
    if not lines:
        return "<p class=soft>no sample</p>"
    end_s = max(1.0, max(line[-1][0] for line in lines.values()))
    step = _step(max(v for line in lines.values() for _, v in line))
    top = step * max(1, ceil(max(v for line in lines.values() for _, v in line) / step))

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * at / end_s

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top

    parts = []
    for n in range(round(top / step) + 1):
        at = y(n * step)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#e3e7ea"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{_number(n * step)}</text>')
    ticks_s = next((step for step in TICKS_S if end_s / step <= 8), TICKS_S[-1])
    for tick in range(0, int(end_s) + 1, ticks_s):
        anchor = "start" if tick == 0 else "end" if end_s - tick < ticks_s / 4 else "middle"
        parts.append(f'<text x="{x(tick):.1f}" y="{HEIGHT - 7}" text-anchor="{anchor}">{_minutes(tick)}</text>')
    for at, what in events:
        if at <= end_s:
            place = f'x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"'
            parts.append(f"<line class=mark {place}><title>{_minutes(at)} {escape(what)}</title></line>")
    for i, line in enumerate(lines.values()):
        points = " ".join(f"{x(at):.1f},{y(max(0.0, v)):.1f}" for at, v in line)
        colour = COLOURS[i % len(COLOURS)]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>'


def _step(highest: float) -> float:
    """A round distance of grid lines, four or five of them."""
    raw = max(highest, 1e-3) / 4
    size = 10.0 ** floor(log10(raw))
    return next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= raw)


def _number(value: float) -> str:
    if value >= 100_000:
        return f"{value / 1000:,.0f}k"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _minutes(at: float) -> str:
    return f"{int(at) // 60}:{int(at) % 60:02d}"
