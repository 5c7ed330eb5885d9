"""A picture of evidence as SVG: load over slots with its gaps, cap, baseline and idle level, windows, verdicts, marks.

The same picture and language give the same bytes. Colours tell apart on paper too: what has no evidence is hatched,
and lines differ by their dashes.
"""

from service.pictures.evidence import PictureOfEvidence
from service.pictures.foot import foot
from service.pictures.frame import LEFT, RIGHT, WIDTH, Frame, rows_for, runs
from service.pictures.markup import FONTS, clean, element, label, number, text_width
from service.pictures.scales import date_labels, time_ticks, value_axis
from service.pictures.styles import BANDS, LINES, QUALITIES, WINDOWS, defs
from service.pictures.words import Language, word

TITLE_Y, PLOT_TOP, PLOT_HEIGHT, STRIP, ENERGY_HEIGHT = 26.0, 88.0, 250.0, 11.0, 84.0


def draw(picture: PictureOfEvidence, language: Language) -> str:
    """The whole document, with the declaration of its encoding."""
    shown = [v for s in picture.slots for v in (s.load_kw, s.cap_kw, s.running_kw, s.idle_kw) if v is not None]
    frame = Frame(len(picture.slots), value_axis(shown), PLOT_TOP, PLOT_TOP + PLOT_HEIGHT)
    parts = [_head(picture, language), _windows(picture, frame, language), _values(frame, "kW")]
    parts += [_times(picture, frame), _lines(picture, frame), _marks(picture, frame, language)]
    low = frame.bottom + 8
    for name, codes in (
        ("verdict", [s.verdict if s.verdict in BANDS else None for s in picture.slots]),
        ("data", [s.quality for s in picture.slots]),
    ):
        parts.append(_strip(name, codes, frame, low, language))
        low += STRIP + 4
    parts.append(_clock(picture, frame, low))
    low += 34
    if picture.days:
        parts.append(_energy(picture, low + 18))
        low += ENERGY_HEIGHT + 32
    text, height = foot(picture, low + 8, language)
    body = "".join([defs(), element("rect", width=WIDTH, height=height, fill="#ffffff"), *parts, text])
    title, description = _title(picture, language), _description(picture, language)
    told = f'<title id="t">{clean(title)}</title><desc id="d">{clean(description)}</desc>'
    size = f'viewBox="0 0 {number(WIDTH)} {number(height)}" width="{number(WIDTH)}" height="{number(height)}"'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="t d"'
        f' lang="{"en" if language == "en" else "zh-CN"}" font-family="{clean(FONTS)}">{told}{body}</svg>\n'
    )


def _title(picture: PictureOfEvidence, language: Language) -> str:
    name = picture.plant
    if picture.alert is None:
        return f"{name} · {word('evidence', language)}"
    rule = picture.alert["rule"]
    return f"{name} · {word('outage_alert' if rule == 'outage' else rule, language)} ({rule})"


def _description(picture: PictureOfEvidence, language: Language) -> str:
    if picture.alert is not None:
        return str(picture.alert["summary"][language])
    return f"{word('scope', language)} {picture.scope_id}, {word('gap', language)}"


def _head(picture: PictureOfEvidence, language: Language) -> str:
    scope = "" if picture.scope in ("", picture.scope_id) else f" {picture.scope}"
    second = [f"{word('scope', language)} {picture.scope_id}{scope}", picture.county, *picture.orders[:3]]
    return label(_title(picture, language), LEFT, TITLE_Y, 17, font_weight="600") + label(
        " · ".join(p for p in second if p), LEFT, TITLE_Y + 20, 12, fill="#55636a"
    )


def _windows(picture: PictureOfEvidence, frame: Frame, language: Language) -> str:
    """Slots under an order shaded, in grace and exempt hatched, and the order's name where there is room for it."""
    parts = []
    for window in picture.windows:
        left, width = frame.x(window.begin), frame.x(window.end) - frame.x(window.begin)
        parts.append(element("rect", x=left, y=frame.top, width=width, height=PLOT_HEIGHT, fill=WINDOWS[window.kind]))
        name = f"{word(window.control, language)} {window.order_id}"
        if window.kind == "order" and text_width(name, 11) + 8 < width:
            parts.append(label(name, left + 4, frame.top + 13, 11, fill="#7a6a45"))
    return "".join(parts)


def _values(frame: Frame, unit: str) -> str:
    parts = [label(unit, LEFT - 8, frame.top - 8, text_anchor="end", fill="#55636a")]
    for value in frame.axis.ticks:
        y = frame.y(value)
        stroke = "#9aa5a9" if value == 0 else "#e3e7e8"
        parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, stroke=stroke))
        parts.append(label(f"{value:,.6g}", LEFT - 8, y + 4, text_anchor="end", fill="#55636a"))
    return "".join(parts)


def _times(picture: PictureOfEvidence, frame: Frame) -> str:
    parts = []
    for tick in time_ticks(picture.first_slot, frame.n_slots, picture.slot_s, picture.zone):
        x, stroke = frame.x(tick.index), "#8b979b" if tick.is_day else "#eceff0"
        parts.append(element("line", x1=x, x2=x, y1=frame.top, y2=frame.bottom, stroke=stroke))
    return "".join(parts)


def _lines(picture: PictureOfEvidence, frame: Frame) -> str:
    """Step lines; the load last, so that nothing hides it."""
    slots = picture.slots
    values = {
        "idle": [s.idle_kw for s in slots],
        "running": [s.running_kw for s in slots],
        "cap": [s.cap_kw for s in slots],
        "bound": [s.load_kw if s.is_bound else None for s in slots],
        "load": [None if s.is_bound else s.load_kw for s in slots],
    }
    paths = [(name, frame.steps(of)) for name, of in values.items()]
    return "".join(element("path", d=path, fill="none", **LINES[name]) for name, path in paths if path)


def _marks(picture: PictureOfEvidence, frame: Frame, language: Language) -> str:
    """The alert's span as a bar on top; where it began, became certain and closed, each with its time."""
    parts = []
    if picture.alert_span is not None:
        begin, end = (frame.x(edge) for edge in picture.alert_span)
        parts.append(element("rect", x=begin, y=frame.top - 4, width=end - begin, height=4, fill="#b3261e"))
    texts = [f"{word(m.name, language)} {m.at:%H:%M}" for m in picture.marks]
    boxes = []
    for mark, told in zip(picture.marks, texts, strict=True):
        width = text_width(told, 11)
        boxes.append((min(frame.x(mark.edge) + 3, WIDTH - RIGHT - width), width))
    for mark, told, (left, _), row in zip(picture.marks, texts, boxes, rows_for(boxes), strict=True):
        x, y = frame.x(mark.edge), frame.top - 8 - 12 * (row % 3)
        parts.append(element("line", x1=x, x2=x, y1=y - 9, y2=frame.bottom, stroke="#b3261e", stroke_dasharray="3 3"))
        parts.append(label(told, left, y, 11, fill="#8f1d17"))
    return "".join(parts)


def _strip(name: str, codes: list[str | None], frame: Frame, top: float, language: Language) -> str:
    """A band under the plot: the verdict, or what the data is worth."""
    fills = {**BANDS, **QUALITIES} if name == "data" else BANDS
    parts = [label(word(name, language), LEFT - 8, top + STRIP - 1.5, 10.5, text_anchor="end", fill="#55636a")]
    parts.append(
        element("rect", x=LEFT, y=top, width=WIDTH - RIGHT - LEFT, height=STRIP, fill="#ffffff", stroke="#cfd6d8")
    )
    for begin, end, code in runs(codes):
        x = frame.x(begin)
        parts.append(element("rect", x=x, y=top, width=frame.x(end) - x, height=STRIP, fill=fills[code]))
    return "".join(parts)


def _clock(picture: PictureOfEvidence, frame: Frame, top: float) -> str:
    """Hours, and the local dates under them."""
    parts, right = [], -1e9
    for tick in time_ticks(picture.first_slot, frame.n_slots, picture.slot_s, picture.zone):
        x = frame.x(tick.index)
        if x - right < 40 or x > WIDTH - 12:
            continue
        parts.append(label(tick.text, x, top + 11, text_anchor="middle", fill="#55636a"))
        right = x
    for begin, end, day in date_labels(picture.first_slot, frame.n_slots, picture.slot_s, picture.zone):
        left, width = frame.x(begin), frame.x(end) - frame.x(begin)
        told = next((t for t in (day, day[5:]) if text_width(t, 11.5) + 6 < width), None)
        if told is not None:
            parts.append(label(told, left + width / 2, top + 27, text_anchor="middle", font_weight="600"))
    return "".join(parts)


def _energy(picture: PictureOfEvidence, top: float) -> str:
    """Energy of each day so far, beside what the day may use."""
    known = [v for d in picture.days for v in (*d.used_kwh, d.cap_kwh) if v is not None]
    frame = Frame(len(picture.slots), value_axis(known, 3), top, top + ENERGY_HEIGHT)
    parts = [_values(frame, "kWh"), _times(picture, frame)]
    for day in picture.days:
        end = day.begin + len(day.used_kwh)
        if day.cap_kwh is not None:
            path = f"M{number(frame.x(day.begin))} {number(frame.y(day.cap_kwh))}H{number(frame.x(end))}"
            parts.append(element("path", d=path, fill="none", **LINES["day_cap"]))
        path = frame.steps(day.used_kwh, day.begin)
        if path:
            parts.append(element("path", d=path, fill="none", **LINES["used"]))
    for mark in picture.marks:
        x = frame.x(mark.edge)
        parts.append(
            element("line", x1=x, x2=x, y1=frame.top, y2=frame.bottom, stroke="#b3261e", stroke_dasharray="3 3")
        )
    return "".join(parts)
