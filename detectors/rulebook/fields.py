"""Reading one table of a rulebook file: each key asked for by its type, the place named in every refusal."""

from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from detectors.rulebook.schema import RulebookError

E = TypeVar("E", bound=StrEnum)

#: Marks a key without default.
_REQUIRED = "\0"


class Fields:
    """The keys of one table. ``place``: where it stands, as messages name it: ``x.toml: item stop-1: order``."""

    def __init__(self, table: object, place: str) -> None:
        if not isinstance(table, dict):
            raise RulebookError(f"{place}: a table is wanted, not {table!r}")
        self.place = place
        self._left: dict[str, object] = dict(table)

    def has(self, key: str) -> bool:
        """Whether a key is there and was not read yet."""
        return key in self._left

    def error(self, key: str, wanted: str) -> RulebookError:
        """What is wrong with a key."""
        return RulebookError(f"{self.place}: {key}: {wanted}")

    def take(self, key: str) -> object:
        """The value of a key, of any type."""
        if key not in self._left:
            raise self.error(key, "missing")
        return self._left.pop(key)

    def text(self, key: str, default: str = _REQUIRED) -> str:
        """A text that is not empty."""
        if default != _REQUIRED and key not in self._left:
            return default
        value = self.take(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, f"a text is wanted, not {value!r}")
        return value

    def number(self, key: str, *, low: float, high: float, wanted: str) -> float:
        """A number with ``low < number <= high``."""
        value = self.take(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low < value <= high:
            raise self.error(key, f"{wanted}, not {value!r}")
        return float(value)

    def flag(self, key: str) -> bool:
        """true or false; false where the key is missing."""
        value = self._left.pop(key, False)
        if not isinstance(value, bool):
            raise self.error(key, f"true or false is wanted, not {value!r}")
        return value

    def day(self, key: str) -> date:
        """A date without time."""
        value = self.take(key)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.error(key, f"a date is wanted, 2017-11-15, not {value!r}")
        return value

    def choice(self, key: str, choices: type[E], default: E | None = None) -> E:
        """One member of an enumeration, by its value."""
        if default is not None and key not in self._left:
            return default
        value = self.take(key)
        for member in choices:
            if member.value == value:
                return member
        raise self.error(key, f"one of {', '.join(choices)} is wanted, not {value!r}")

    def items(self, key: str) -> list[object]:
        """A list that is not empty."""
        value = self.take(key)
        if not isinstance(value, list) or not value:
            raise self.error(key, f"a list is wanted, not {value!r}")
        return value

    def texts(self, key: str) -> list[str]:
        """A list of texts that is not empty and names nothing twice."""
        found = self.items(key)
        texts = [t for t in found if isinstance(t, str) and t]
        if len(texts) != len(found) or len(set(texts)) != len(texts):
            raise self.error(key, f"different texts are wanted, not {found!r}")
        return texts

    def under(self, key: str) -> "Fields":
        """The table under a key."""
        return Fields(self.take(key), f"{self.place}: {key}")

    def names(self) -> list[str]:
        """The keys of a table whose keys are names; at least one."""
        if not self._left:
            raise RulebookError(f"{self.place}: empty")
        return list(self._left)

    def tables(self) -> list[tuple[str, "Fields"]]:
        """The tables under such keys."""
        return [(name, self.under(name)) for name in self.names()]

    def end(self) -> None:
        """Refuse what nobody asked for."""
        if self._left:
            raise RulebookError(f"{self.place}: {', '.join(sorted(self._left))}: not a key of this place")
