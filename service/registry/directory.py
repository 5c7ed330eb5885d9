"""Which plant or line an office means: by id, else by unified social credit code, else by exact name."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from detectors.registry import Line, Plant


class Unclear(Exception):  # noqa: N818 - not a fault of the program: a row that cannot be told apart
    """What a row names fits no plant, or several. column: which of its columns says so."""

    def __init__(self, column: str, en: str, zh: str) -> None:
        super().__init__(en)
        self.column, self.en, self.zh = column, en, zh


class Directory:
    """Plants and lines that are known, stored ones and those of the file."""

    def __init__(self, plants: Iterable[Plant], lines: Iterable[Line]) -> None:
        self.plants: dict[str, Plant] = {}
        self.lines: dict[str, Line] = {}
        self._by_uscc: dict[str, set[str]] = defaultdict(set)
        self._by_name: dict[str, set[str]] = defaultdict(set)
        self._lines_of: dict[str, dict[str, str]] = defaultdict(dict)
        for plant in plants:
            self.put(plant)
        for line in lines:
            self.put_line(line)

    def put(self, plant: Plant) -> None:
        """Know a plant, or know it anew."""
        old = self.plants.get(plant.plant_id)
        if old is not None:
            self._by_uscc[old.uscc or ""].discard(old.plant_id)
            self._by_name[plain(old.name)].discard(old.plant_id)
        self.plants[plant.plant_id] = plant
        if plant.uscc:
            self._by_uscc[plant.uscc].add(plant.plant_id)
        self._by_name[plain(plant.name)].add(plant.plant_id)

    def put_line(self, line: Line) -> None:
        """Know a line, or know it anew."""
        self.lines[line.line_id] = line
        self._lines_of[line.plant_id][plain(line.name)] = line.line_id

    def plant_id(self, plant_id: str | None, uscc: str | None, name: str | None) -> str | None:
        """The plant that is meant, None where it is not known. An id is taken as it is. Raises Unclear."""
        if plant_id is not None:
            return plant_id
        named = self._by_name.get(plain(name), set()) if name is not None else set()
        if uscc is None:
            return self._only(named, "plant_name")
        coded = self._by_uscc.get(uscc, set())
        if len(coded) > 1 and coded & named:
            coded = coded & named
        if coded:
            return self._only(coded, "plant_uscc")
        for other in sorted(named):
            if self.plants[other].uscc is not None:
                known = self.plants[other].uscc
                raise Unclear(
                    "plant_uscc",
                    f"plant {other} of this name has the code {known}",
                    f"同名企业{other}的统一社会信用代码为{known}",
                )
        return self._only(named, "plant_name")

    def line_id(self, plant_id: str, name: str) -> str | None:
        """The line of a plant by its id or name, None where it is not known."""
        line = self.lines.get(name)
        if line is not None and line.plant_id == plant_id:
            return name
        return self._lines_of[plant_id].get(plain(name))

    def line_names(self, plant_id: str) -> list[str]:
        """Names of the lines of a plant."""
        return sorted(self.lines[line_id].name for line_id in self._lines_of[plant_id].values())

    @staticmethod
    def _only(found: set[str], column: str) -> str | None:
        if len(found) > 1:
            told = ", ".join(sorted(found))
            raise Unclear(column, f"several plants fit: {told}; give plant_id", f"对应多家企业（{told}），请填企业编号")
        return next(iter(found), None)


def plain(name: str | None) -> str:
    """A name without what does not tell names apart: width, case, spaces."""
    return "".join(unicodedata.normalize("NFKC", name or "").casefold().split())
