"""Short ways to ask a shipped rulebook about one made plant."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from detectors.registry import Line, Meter, Plant, Registry
from detectors.rulebook.decisions import Decision
from detectors.rulebook.parse import parse_rulebook
from detectors.rulebook.resolve import resolve
from detectors.rulebook.schema import Rulebook
from detectors.vocab import Role

FOLDER = Path(__file__).resolve().parents[2] / "detectors" / "rulebook"
DOCUMENT = "郑政文〔2017〕210号"


@cache
def shipped(name: str) -> Rulebook:
    """A rulebook of the repository."""
    return parse_rulebook((FOLDER / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")


def pairs(text: str) -> dict[str, str]:
    """``fuel=coal;process=clinker`` as a mapping."""
    return dict(part.split("=") for part in text.split(";") if part)


def plant(industry: str | None, attributes: str = "", edition: str | None = "2017", plant_id: str = "P") -> Plant:
    """One plant."""
    return Plant(
        plant_id,
        f"示例{plant_id}",
        "登封市",
        industry=industry,
        industry_edition=edition,
        attributes=pairs(attributes),
    )


def line(name: str, attributes: str = "", kind: str = "line", units: int | None = None, plant_id: str = "P") -> Line:
    """One line ``P-NAME``."""
    return Line(f"{plant_id}-{name}", plant_id, f"{name}线", kind, units, attributes=pairs(attributes))


def meters(roles: Mapping[str, tuple[Role, str | None]], plant_id: str = "P") -> tuple[Meter, ...]:
    """Meters by id: their role, and the short name of their line."""
    return tuple(
        Meter(meter_id, plant_id, None if name is None else f"{plant_id}-{name}", role=role)
        for meter_id, (role, name) in roles.items()
    )


def office(one: Plant, lines: Sequence[Line] = (), metered: Sequence[Meter] = ()) -> Registry:
    """A registry of one plant."""
    return Registry(plants=(one,), lines=tuple(lines), meters=tuple(metered))


def decide(
    industry: str | None,
    attributes: str = "",
    lines: Sequence[Line] = (),
    metered: Sequence[Meter] = (),
    edition: str | None = "2017",
) -> Decision:
    """What the plan of Zhengzhou decides for a plant as a whole."""
    return resolve(shipped("zhengzhou-2017"), office(plant(industry, attributes, edition), lines, metered))[0]
