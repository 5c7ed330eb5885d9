"""What stands under a picture: the legend of what it holds, the alert's sentences, where the data is from and until."""

from service.pictures.evidence import PictureOfEvidence
from service.pictures.frame import LEFT, RIGHT, WIDTH, flowed
from service.pictures.markup import element, label, text_width, wrapped
from service.pictures.styles import BANDS, LINES, QUALITIES, WINDOWS
from service.pictures.words import Language, word

_SIZE, _ROW = 11.5, 19.0


def foot(picture: PictureOfEvidence, top: float, language: Language) -> tuple[str, float]:
    """Everything under the panels, and the height of the whole picture."""
    parts, low = [], top
    entries = _entries(picture)
    widths = [26 + text_width(word(name, language), _SIZE) for name, _ in entries]
    places = flowed(widths, WIDTH - LEFT - RIGHT, 16)
    for (name, kind), (left, row) in zip(entries, places, strict=True):
        parts.append(_entry(name, kind, LEFT + left, low + _ROW * row, language))
    low += _ROW * (max((row for _, row in places), default=0) + 1) + 6
    for size, fill, told in _texts(picture, language):
        for line in wrapped(told, WIDTH - LEFT - RIGHT, size):
            low += size + 5
            parts.append(label(line, LEFT, low, size, fill=fill))
        low += 3
    return "".join(parts), low + 12


def _entries(picture: PictureOfEvidence) -> list[tuple[str, str]]:
    """Names of the legend with how each is drawn; only what the picture holds."""
    slots = picture.slots
    lines = {
        "load": any(s.load_kw is not None and not s.is_bound for s in slots),
        "bound": any(s.is_bound for s in slots),
        "cap": any(s.cap_kw is not None for s in slots),
        "running": any(s.running_kw is not None for s in slots),
        "idle": any(s.idle_kw is not None for s in slots),
        "used": bool(picture.days),
        "day_cap": any(d.cap_kwh is not None for d in picture.days),
    }
    windows, verdicts = {w.kind for w in picture.windows}, {s.verdict for s in slots}
    qualities = {s.quality for s in slots}
    found = [(name, "line") for name, is_there in lines.items() if is_there]
    found += [(name, "window") for name in WINDOWS if name in windows]
    found += [(name, "band") for name in BANDS if name in verdicts and (name, "window") not in found]
    shown = {name for name, _ in found}
    return found + [(name, "quality") for name in QUALITIES if name in qualities and name not in shown]


def _entry(name: str, kind: str, x: float, y: float, language: Language) -> str:
    if kind == "line":
        sign = element("path", d=f"M{x:.1f} {y:.1f}h20", fill="none", **LINES[name])
    else:
        fill = {"window": WINDOWS, "band": BANDS, "quality": QUALITIES}[kind][name]
        sign = element("rect", x=x, y=y - 5, width=20, height=10, fill=fill, stroke="#cfd6d8")
    return sign + label(word(name, language), x + 26, y + 4, _SIZE, fill="#3c4a50")


def _texts(picture: PictureOfEvidence, language: Language) -> list[tuple[float, str, str]]:
    """Size, colour and text: the alert's sentences, then the source."""
    sources = [f"{word('meters', language)} {_named(picture.meters)}"] if picture.meters else []
    if picture.sources:
        sources.append(f"{word('sources', language)} {_named(picture.sources)}")
    if picture.baselines:
        sources.append(f"{word('baseline', language)} {_named(picture.baselines)}")
    if picture.judged_to is not None:
        sources.append(f"{word('judged_to', language)} {picture.judged_to:%Y-%m-%d %H:%M} {picture.zone.key}")
    sources += [word("gap", language), "Cuofeng 错峰", word("lead", language)]
    texts = [(10.5, "#66757a", " · ".join(sources))]
    if picture.alert is not None:
        texts.insert(0, (13.0, "#22302f", str(picture.alert["summary"][language])))
    return texts


def _named(names: tuple[str, ...], most: int = 6) -> str:
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")
