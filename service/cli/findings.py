"""One line of the report of ``cuofeng doctor``."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad it is. Any ``fail`` makes the command end with 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was asked, and what was found. ``advice``: what to do, empty when nothing is."""

    check: str
    state: State
    detail: str
    advice: str = ""
