"""The JSON forms of FEED §2 as typed structures, and the words they use as codes."""

from enum import IntEnum
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from detectors.vocab import Kind, Quality, Scale, code

MAX_MESSAGE_BYTES = 1 << 20
MAX_FRAME_SLOTS = 2976
MAX_NESTING = 4
MAX_METER_ID = 64
MAX_REV = 2**31 - 1
MAX_PERIOD_S = 366 * 86400

#: Stands for "not in the message": no JSON number can be infinite.
ABSENT = float("inf")
NAN = float("nan")


class Form(IntEnum):
    """What a record's body is."""

    BY_SHAPE = 0  # no content-type: the fields decide
    SINGLE = 1
    FRAME = 2
    SLOT = 3
    UNSUPPORTED = 4


CONTENT_TYPES = {
    "": Form.BY_SHAPE,
    "application/json": Form.BY_SHAPE,
    "application/vnd.load.reading.v1+json": Form.SINGLE,
    "application/vnd.load.frame.v1+json": Form.FRAME,
    "application/vnd.load.slot.v1+json": Form.SLOT,
}

KINDS = {code(k): int(k) for k in Kind}
SCALES = {"": -1, code(Scale.PRIMARY): int(Scale.PRIMARY), code(Scale.SECONDARY): int(Scale.SECONDARY)}
QUALITIES = {q.name: int(q) for q in Quality}
#: Unit -> row of UNIT_FAMILY and UNIT_FACTOR. W and MW become kW, Wh and MWh become kWh.
UNITS = {"kW": 0, "W": 1, "MW": 2, "kWh": 3, "Wh": 4, "MWh": 5, "V": 6, "A": 7}
UNIT_FAMILY = np.array([0, 0, 0, 1, 1, 1, 2, 3], np.int8)
UNIT_FACTOR = np.array([1.0, 1e-3, 1e3, 1.0, 1e-3, 1e3, 1.0, 1.0])
POWER_KINDS = (Kind.POWER_INST, Kind.POWER_AVG, Kind.DEMAND_MAX)
REGISTER_KINDS = (Kind.ENERGY_REG, Kind.ENERGY_REG_REV)
KIND_FAMILY = np.ones(len(Kind), np.int8)
KIND_FAMILY[list(POWER_KINDS)] = 0
KIND_FAMILY[Kind.VOLTAGE] = 2
KIND_FAMILY[Kind.CURRENT] = 3
IS_POWER = KIND_FAMILY == 0
IS_REGISTER = np.zeros(len(Kind), np.bool_)
IS_REGISTER[list(REGISTER_KINDS)] = True
#: Quality of a letter by its byte; -2 = no such letter.
QUALITY_OF_BYTE = np.full(256, -2, np.int8)
for _letter, _q in QUALITIES.items():
    QUALITY_OF_BYTE[ord(_letter)] = _q

#: Words of which there are few: msgspec hands out one object for all that are alike.
KindWord = Literal[
    "energy_int", "power_avg", "energy_reg", "power_inst", "voltage", "current", "energy_reg_rev", "demand_max"
]
UnitWord = Literal["kW", "W", "MW", "kWh", "Wh", "MWh", "V", "A"]
ScaleWord = Literal["primary", "secondary"]
QualityWord = Literal["M", "R", "H", "E", "S", "Q", "N"]
#: A word that is not in the message.
SILENT: Any = ""
Version = Annotated[int, msgspec.Meta(ge=1, le=1)]
Revision = Annotated[int, msgspec.Meta(ge=0, le=MAX_REV)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=MAX_PERIOD_S)]
Factor = Annotated[float, msgspec.Meta(gt=0)]


class Short(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The short form and nothing else."""

    meter_id: str
    ts: str
    kw: float | None


class Single(msgspec.Struct, gc=False):
    """One reading, the short form included. Defaults mean "not in the message"."""

    meter_id: str = ""
    ts: str = ""
    kw: float | None = ABSENT
    value: float | None = ABSENT
    kind: KindWord = SILENT
    unit: UnitWord = SILENT
    scale: ScaleWord = SILENT
    period_s: Seconds = 0
    t_factor: Factor = NAN
    q: QualityWord = SILENT
    rev: Revision = -1
    coll: str = ""
    asset_no: str = ""
    v: Version = 0


class Frame(msgspec.Struct, gc=False):
    """One meter, n slots: ts of value i = t0 + i x step."""

    meter_id: str = ""
    t0: str = ""
    step_s: Seconds = 0
    values: list[float | None] = []
    kind: KindWord = SILENT
    unit: UnitWord = SILENT
    scale: ScaleWord = SILENT
    t_factor: Factor = NAN
    q: str = ""
    rev: Revision = -1
    coll: str = ""
    asset_no: str = ""
    v: Version = 0


class Slot(msgspec.Struct, gc=False):
    """Many meters, one ts."""

    meter_id: list[str] = []
    ts: str = ""
    values: list[float | None] = []
    kind: KindWord = SILENT
    unit: UnitWord = SILENT
    scale: ScaleWord = SILENT
    period_s: Seconds = 0
    q: str = ""
    rev: Revision = -1
    coll: str = ""
    v: Version = 0
