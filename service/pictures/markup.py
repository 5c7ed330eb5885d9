"""SVG as text: escaped, without style sheets and scripts, so that it shows under any content policy and in print."""

import re
import unicodedata
from html import escape

#: What XML 1.0 cannot hold at all.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
FONTS = "system-ui, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"


def clean(text: str) -> str:
    """Text as XML may hold it, escaped for content and attributes alike."""
    return escape(_ILLEGAL.sub("\ufffd", text), quote=True)


def number(value: float) -> str:
    """A coordinate: one decimal at most, and no negative zero."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def element(name: str, content: str = "", /, **attributes: str | float) -> str:
    """One element; ``stroke_width`` is written stroke-width, ``class_`` class. content: markup that is ready."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{clean(value) if isinstance(value, str) else number(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{shown}>{content}</{name}>" if content else f"<{name}{shown}/>"


def label(text: str, x: float, y: float, size: float = 11.5, /, **attributes: str | float) -> str:
    """A line of text with its baseline at (x, y)."""
    return element("text", clean(text), x=x, y=y, font_size=size, **{"fill": "#22302f", **attributes})


def text_width(text: str, size: float = 11.5) -> float:
    """About how wide a text is: a wide character is as wide as high, others a little over half."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return size * (wide + 0.56 * (len(text) - wide))


def wrapped(text: str, width: float, size: float = 11.5) -> list[str]:
    """Lines of at most about this width; broken at spaces, but not before a unit, and between wide characters."""
    lines, line = [], ""
    for piece in re.findall(r"[\d,.]+ (?:kWh?|min|h|%)\s*|[^\s\u2e80-\uffef]+\s*|[\u2e80-\uffef]\s*|\s+", text):
        if line and text_width((line + piece).rstrip(), size) > width and not piece.startswith(tuple(",。;:)、,.;")):
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()] if line.strip() else lines
