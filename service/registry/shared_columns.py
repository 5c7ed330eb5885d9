"""Columns and value lists that several tables of the registry share."""

from detectors.vocab import Control, Kind, Measure, Role, Scale
from service.registry.columns import Column, Form

ROLES: dict[str, object] = {
    "supply": Role.SUPPLY,
    "main": Role.SUPPLY,
    "总表": Role.SUPPLY,
    "供电": Role.SUPPLY,
    "line": Role.LINE,
    "sub": Role.LINE,
    "分表": Role.LINE,
    "生产线": Role.LINE,
    "production": Role.PRODUCTION,
    "生产": Role.PRODUCTION,
    "生产设施": Role.PRODUCTION,
    "treatment": Role.TREATMENT,
    "治污": Role.TREATMENT,
    "治污设施": Role.TREATMENT,
    "generation": Role.GENERATION,
    "pv": Role.GENERATION,
    "自发电": Role.GENERATION,
    "光伏": Role.GENERATION,
    "reverse": Role.REVERSE,
    "上网": Role.REVERSE,
    "反向": Role.REVERSE,
    "check": Role.CHECK,
    "考核": Role.CHECK,
    "考核表": Role.CHECK,
}
KINDS: dict[str, object] = {kind.name.lower(): kind for kind in Kind}
UNITS: dict[str, object] = {unit: unit for unit in ("kW", "W", "MW", "kWh", "Wh", "MWh", "V", "A")}
SCALES: dict[str, object] = {
    "primary": Scale.PRIMARY,
    "一次": Scale.PRIMARY,
    "一次侧": Scale.PRIMARY,
    "secondary": Scale.SECONDARY,
    "二次": Scale.SECONDARY,
    "二次侧": Scale.SECONDARY,
}
CONTROLS: dict[str, object] = {
    "stop": Control.STOP,
    "停产": Control.STOP,
    "limit": Control.LIMIT,
    "限产": Control.LIMIT,
    "cap": Control.CAP,
    "限负荷": Control.CAP,
    "限电": Control.CAP,
    "units": Control.UNITS,
    "限台数": Control.UNITS,
    "限生产线": Control.UNITS,
    "coking": Control.COKING,
    "延长结焦": Control.COKING,
    "延长出焦": Control.COKING,
}
LEVELS: dict[str, object] = {
    "yellow": "yellow",
    "黄色": "yellow",
    "黄色预警": "yellow",
    "III级": "yellow",
    "orange": "orange",
    "橙色": "orange",
    "橙色预警": "orange",
    "II级": "orange",
    "red": "red",
    "红色": "red",
    "红色预警": "red",
    "I级": "red",
}
MEASURES: dict[str, object] = {
    "power": Measure.POWER,
    "负荷": Measure.POWER,
    "energy": Measure.ENERGY,
    "电量": Measure.ENERGY,
}


def valid_from(*, required: bool, example: str = "2017-11-15 00:00") -> Column:
    return Column(
        "from",
        "开始时间",
        Form.TIME,
        "valid from, included",
        "生效时刻（含）",
        required=required,
        example=example,
        aliases=("起始时间", "开始日期", "起始日期", "生效时间", "开始", "起"),
    )


def valid_to(*, required: bool = False, example: str = "") -> Column:
    return Column(
        "to",
        "结束时间",
        Form.TIME,
        "valid to, not included; empty = open",
        "失效时刻（不含），空为长期",
        required=required,
        example=example,
        aliases=("终止时间", "截止时间", "结束日期", "截止日期", "失效时间", "结束", "止"),
    )


def plant_id(en: str = "of the table plants", *, required: bool = True) -> Column:
    return Column(
        "plant_id",
        "企业编号",
        Form.ID,
        en,
        "见企业表",
        required=required,
        example="P001",
        aliases=("企业编码", "企业ID"),
    )


def plant_named() -> tuple[Column, Column]:
    """What may name a plant that is known already, instead of its plant_id: its code, else its exact name."""
    return (
        text(
            "plant_name",
            "企业名称",
            "exact name of the plant, instead of plant_id",
            "企业全称，可代替企业编号",
            "单位名称",
            "企业全称",
            "公司名称",
            "户名",
            "用户名称",
        ),
        Column(
            "plant_uscc",
            "统一社会信用代码",
            Form.USCC,
            "unified social credit code, instead of plant_id",
            "统一社会信用代码，可代替企业编号",
            aliases=("信用代码", "社会信用代码", "组织机构代码或统一社会信用代码"),
        ),
    )


def ramp_down_h() -> Column:
    return Column(
        "ramp_down_h",
        "降负荷时间",
        Form.NUMBER,
        "grace at the beginning, hours; default 4 for a stop, else 0",
        "降负荷宽限，小时；停产缺省4，其余0",
        minimum=0,
        maximum=720,
        aliases=("降负荷小时", "降负荷时长", "停产准备时间", "停炉时间", "停炉时长"),
        units=("小时", "hours", "h"),
    )


def line_id() -> Column:
    return Column(
        "line_id",
        "生产线编号",
        Form.ID,
        "line of the table lines; empty: the plant as a whole",
        "见生产线表，空为整厂",
        aliases=("生产线ID",),
        example="",
    )


def meter_id(*, required: bool = True, example: str = "4101000000000000000001") -> Column:
    return Column(
        "meter_id",
        "计量点编号",
        Form.ID,
        "id of the metering point, as text",
        "计量点编号，文本格式",
        required=required,
        example=example,
        aliases=("计量点", "计量点ID", "测量点编号", "计量点号", "计量点标识", "电表编号", "表号"),
    )


def scope_id(*, required: bool = True, zh: str = "监测范围", example: str = "P001") -> Column:
    return Column(
        "scope_id",
        zh,
        Form.ID,
        "of the table scopes; a plant's default scope is its plant_id",
        "见监测范围表；企业整体即企业编号",
        required=required,
        example=example,
        aliases=("监测范围编号", "监测范围", "监测范围ID", "范围编号"),
    )


def text(name: str, zh: str, en: str, note_zh: str, *aliases: str, required: bool = False, example: str = "") -> Column:
    return Column(name, zh, Form.TEXT, en, note_zh, required=required, aliases=aliases, example=example)


def identity(
    name: str, zh: str, en: str, note_zh: str, *aliases: str, required: bool = False, example: str = ""
) -> Column:
    return Column(name, zh, Form.ID, en, note_zh, required=required, aliases=aliases, example=example)


def load_kw(
    name: str, zh: str, en: str, note_zh: str, *aliases: str, required: bool = False, example: str = ""
) -> Column:
    return Column(
        name,
        zh,
        Form.NUMBER,
        f"{en}, kW",
        f"{note_zh}，kW",
        required=required,
        aliases=aliases,
        minimum=0,
        example=example,
        units=("kw", "千瓦"),
    )


def contract_kw() -> Column:
    return Column(
        "contract_kw",
        "合同容量",
        Form.NUMBER,
        "contract capacity, kW; 1.5 times it is not believed",
        "合同容量，kW；超过1.5倍视为坏数据",
        above=0,
        example="6300",
        aliases=("合同容量kW", "报装容量", "受电容量", "运行容量", "合约容量"),
        units=("kva", "kw", "千伏安", "千瓦"),
    )


def attributes() -> Column:
    return Column(
        "attributes",
        "属性",
        Form.ATTRIBUTES,
        "pairs that orders select by",
        "选取企业用的键值对",
        example="fuel=coal;process=clinker",
    )


def industry_edition(*, example: str = "") -> Column:
    """The edition of an industry code."""
    return Column(
        "industry_edition",
        "行业标准",
        Form.CHOICE,
        "edition of GB/T 4754 of that code",
        "行业代码所属版本",
        choices={"2011": "2011", "2017": "2017", "GB/T 4754-2011": "2011", "GB/T 4754-2017": "2017"},
        aliases=("行业代码版本", "行业分类版本"),
        example=example,
    )


def reduction(*, example: str = "") -> Column:
    """The share that is cut."""
    return Column(
        "reduction",
        "限产比例",
        Form.SHARE,
        "share that is cut, 0..1: 限产30% is 0.30",
        "限产（减少）的比例，限产30%填0.30",
        example=example,
    )


def units_allowed() -> Column:
    """Units that may run."""
    return Column("units_allowed", "允许台数", Form.INTEGER, "units that may run", "允许运行台数", minimum=0)
