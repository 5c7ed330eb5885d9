"""Colours, dashes and hatches of the pictures: dark on light, told apart in black and white too."""

from service.pictures.markup import element

#: Presentation attributes of lines.
LINES: dict[str, dict[str, str | float]] = {
    "load": {"stroke": "#12384c", "stroke_width": 1.9, "stroke_linejoin": "round"},
    "bound": {"stroke": "#12384c", "stroke_width": 1.9, "stroke_dasharray": "2 2"},
    "cap": {"stroke": "#c0392b", "stroke_width": 1.6},
    "running": {"stroke": "#6f7d83", "stroke_width": 1.2, "stroke_dasharray": "7 4"},
    "idle": {"stroke": "#2f7d52", "stroke_width": 1.2, "stroke_dasharray": "2 4"},
    "used": {"stroke": "#12384c", "stroke_width": 1.7},
    "day_cap": {"stroke": "#c0392b", "stroke_width": 1.6, "stroke_dasharray": "12 3"},
}
BANDS = {
    "compliant": "#a9d5b8",
    "violating": "#b3261e",
    "unknown": "url(#h-unknown)",
    "grace": "#efc75e",
    "exempt": "#8fb3e0",
    "outage": "#8a6bb3",
}
QUALITIES = {
    "missing": "url(#h-missing)",
    "awaited": "url(#h-awaited)",
    "partial": "url(#h-partial)",
    "no_evidence": "url(#h-none)",
    "coarse": "url(#h-coarse)",
    "suspect_level": "url(#h-suspect)",
    "suspect_stuck": "url(#h-suspect)",
    "suspect_spike": "url(#h-suspect)",
    "suspect_dropout": "url(#h-suspect)",
    "not_judged": "#e7eaeb",
    "outage": "#8a6bb3",
}
WINDOWS = {"order": "#f7f1e2", "grace": "url(#h-grace)", "exempt": "url(#h-exempt)"}

#: Hatches: ground, stroke, width of the stroke, angle, distance.
_HATCHES = {
    "unknown": ("#eef0f1", "#7d898e", 1.4, 45, 6),
    "missing": ("#ffffff", "#3c4a50", 1.6, 45, 5),
    "awaited": ("#ffffff", "#9aa5a9", 1.2, 90, 5),
    "partial": ("#ffffff", "#12384c", 1.4, 0, 4),
    "none": ("#ffffff", "#8a5a0b", 1.4, 135, 5),
    "coarse": ("#ffffff", "#55636a", 1.0, 90, 9),
    "suspect": ("#fdf0d2", "#a8650a", 2.0, 135, 5),
    "grace": ("#fdf6e0", "#efd68c", 1.6, 45, 8),
    "exempt": ("#f0f5fc", "#bcd2ee", 1.6, 135, 8),
}


def defs() -> str:
    """The hatches."""
    patterns = []
    for name, (ground, stroke, width, angle, step) in _HATCHES.items():
        inner = element("rect", width=step, height=step, fill=ground)
        inner += element("line", x1=0, y1=0, x2=0, y2=step, stroke=stroke, stroke_width=2 * width)
        patterns.append(
            element(
                "pattern",
                inner,
                id=f"h-{name}",
                width=step,
                height=step,
                patternUnits="userSpaceOnUse",
                patternTransform=f"rotate({angle})",
            )
        )
    return element("defs", "".join(patterns))
