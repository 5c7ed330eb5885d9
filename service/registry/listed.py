"""What a list says of plants and lines themselves: new ones are made, known ones keep what the list leaves empty."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from detectors.registry import Line, Plant
from service.registry.cell_rows import CellRow
from service.registry.cells import CellError
from service.registry.codes import industry, industry_doubt, industry_fault
from service.registry.directory import Directory, plain

#: Column of a list -> field of a plant.
_FIELDS = {
    "plant_name": "name",
    "plant_uscc": "uscc",
    "county": "county",
    "industry": "industry",
    "industry_edition": "industry_edition",
    "address": "address",
    "contact_phone": "contact_phone",
}
_WHOLE_PLANT = frozenset(("全厂", "整厂", "全部", "全企业", "所有生产线", "全部生产线", "全线", "无", "/", "-", "—"))
_ONLY_COUNTED = re.compile(r"(共|全部)?[\d一二两三四五六七八九十]+(条|座|台|套)(生产线|线|窑|炉)?")


@dataclass(slots=True)
class Listed:
    """Plants and lines that lists make or change, in the order of the file, with the row that did."""

    directory: Directory
    plants: dict[str, CellRow] = field(default_factory=dict)
    lines: dict[str, CellRow] = field(default_factory=dict)
    _said: dict[tuple[str, str], tuple[Any, int]] = field(default_factory=dict)

    def plant(self, row: CellRow) -> None:
        """Take in what a row of a list, whose plant_id is found or still missing, says of its plant."""
        values, directory = row.values, self.directory
        _read_trade(row)
        plant_id = values["plant_id"] or values["plant_uscc"]
        if plant_id is None:
            en = "no plant of this name is known, and the row has neither plant_id nor code to make one of"
            row.refuse("plant_name", en, "企业尚未登记，且该行无企业编号和统一社会信用代码，无法建档")
            return
        values["plant_id"] = plant_id
        given = {name: values[column] for column, name in _FIELDS.items() if values[column] is not None}
        if not self._agrees(row, plant_id, given):
            return
        known = directory.plants.get(plant_id)
        if known is None and values["plant_name"] is values["plant_uscc"] is None:
            row.refuse("plant_id", "is not known", "不存在")
            return
        if known is None:
            for column in ("plant_name", "county"):
                if values[column] is None:
                    row.refuse(column, f"a new plant needs its {_FIELDS[column]}", "新建企业须填此项")
            if row.is_refused:
                return
            known = Plant(plant_id, given["name"], given["county"])
        else:
            for column, name in _FIELDS.items():
                old = getattr(known, name)
                if name in given and old not in (None, given[name]):
                    row.warn(column, f"is stored as {old}: replaced", f"原登记为“{old}”，已更新")
        if given.get("industry", known.industry) != known.industry and "industry_edition" not in given:
            given["industry_edition"] = None
        merged = replace(known, **given, attributes={**known.attributes, **(values["attributes"] or {})})
        fault = None if merged.industry is None else industry_fault(merged.industry, merged.industry_edition)
        if fault is not None and "industry" in given:
            row.refuse("industry" if row.cell("industry") is not None else "trade", *fault)
            return
        if merged != directory.plants.get(plant_id):
            directory.put(merged)
            self.plants[plant_id] = row
            _warn_of_industry(row, merged)

    def lines_of(self, row: CellRow) -> list[str | None]:
        """The line ids that a row means; None: the plant as a whole. Lines that are not known yet are made."""
        plant_id, names = row.values["plant_id"], row.values["line"]
        if row.values["line_id"] is not None or names is None:
            return [row.values["line_id"]]
        found: list[str | None] = []
        for name in re.split(r"[;；、，,\n]", names):
            name = name.strip()
            if not name:
                continue
            if plain(name) in _WHOLE_PLANT:
                found.append(None)
            elif _ONLY_COUNTED.fullmatch(plain(name)):
                en = "says how many lines, not which: the row counts for the plant as a whole"
                row.warn("line", en, "仅有数量、未列明生产线，按整厂处理")
                found.append(None)
            else:
                found.append(self._line(row, plant_id, name))
        return list(dict.fromkeys(found)) or [None]

    def _line(self, row: CellRow, plant_id: str, name: str) -> str:
        line_id = self.directory.line_id(plant_id, name)
        if line_id is None:
            line_id = f"{plant_id}-{plain(name)}"
            self.directory.put_line(Line(line_id, plant_id, name))
            self.lines[line_id] = row
        return line_id

    def _agrees(self, row: CellRow, plant_id: str, given: dict[str, Any]) -> bool:
        """Whether the rows of one plant say the same of it."""
        for column, name in _FIELDS.items():
            if name not in given:
                continue
            said, number = self._said.setdefault((plant_id, name), (given[name], row.number))
            if said != given[name]:
                row.refuse(
                    column, f"row {number} says {said} of the same plant", f"与第{number}行同一企业的“{said}”不一致"
                )
                return False
        return True


def _warn_of_industry(row: CellRow, plant: Plant) -> None:
    column = "industry" if row.cell("industry") is not None else "trade"
    if plant.industry is None:
        en = "no industry code is known of this plant: plans select by code"
        row.warn(column, en, "该企业无行业代码，方案按行业代码选取企业")
    elif (doubt := industry_doubt(plant.industry, plant.industry_edition)) is not None:
        row.warn(column, *doubt)


def _read_trade(row: CellRow) -> None:
    """Take the code out of 行业类别 where there is no 行业代码."""
    trade = row.values["trade"]
    if trade is None or row.values["industry"] is not None:
        return
    try:
        row.values["industry"] = industry(trade)
    except CellError:
        return
