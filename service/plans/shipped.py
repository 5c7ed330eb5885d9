"""Rulebooks to read: those that come with the software, by name, and a city's own, by file."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from detectors.errors import InputError
from detectors.rulebook.parse import parse_rulebook
from detectors.rulebook.schema import Rulebook

_FOLDER = files("detectors.rulebook")


@dataclass(frozen=True, slots=True)
class Reading:
    """A rulebook, and the text that it was read from."""

    rulebook: Rulebook
    body: str


def shipped() -> list[str]:
    """Names of the rulebooks that come with the software."""
    names = (entry.name for entry in _FOLDER.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def read_rulebook(name: str) -> Reading:
    """A shipped rulebook by its name, or the one in a file.

    Raises:
        InputError: there is neither; as RulebookError: what is wrong in it, and where.
    """
    if name in shipped():
        body = (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    else:
        path = Path(name)
        if not path.is_file():
            known = ", ".join(shipped())
            raise InputError(f"{name}: neither a file nor a shipped rulebook ({known}) / 既非文件，也非自带方案")
        try:
            body = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{name}: not UTF-8 at byte {error.start} / 须为UTF-8编码") from error
    return Reading(parse_rulebook(body, name), body)
