"""What offices hold beside meters and orders: lists, plans of plants, approvals, warning levels, turns."""

from service.registry.columns import Column, Form, Table
from service.registry.shared_columns import (
    CONTROLS,
    LEVELS,
    attributes,
    identity,
    industry_edition,
    line_id,
    load_kw,
    plant_id,
    plant_named,
    ramp_down_h,
    reduction,
    scope_id,
    text,
    units_allowed,
    valid_from,
    valid_to,
)

#: Warning levels and what the office calls them.
LEVEL_NAMES = {"yellow": "黄色", "orange": "橙色", "red": "红色"}


def line_named() -> Column:
    """Lines by name in the office's lists."""
    return text(
        "line",
        "生产线",
        "names of lines, `、` between, instead of line_id; 全厂 or nothing: the plant as a whole",
        "生产线（工序）名称，可代替生产线编号，多条以、分隔；空或“全厂”即整厂",
        "生产线名称",
        "生产线/工序",
        "工序",
        "生产工序",
        "停限产生产线",
        "停限产工序",
        "生产线及工序",
        example="1号窑",
    )


def responsible(*, office: str = "", phone: str = "", person: str = "") -> tuple[Column, Column, Column]:
    """Who answers for a plant. office, phone, person: examples."""
    return (
        text("office", "责任单位", "responsible office", "责任单位", "监管单位", "责任部门", example=office),
        identity(
            "office_phone",
            "责任单位电话",
            "telephone of that office",
            "责任单位联系电话",
            "责任单位联系电话",
            "监管电话",
            "责任人联系电话",
            "责任人电话",
            example=phone,
        ),
        text(
            "office_person", "责任人", "who answers for it there", "责任人", "监管责任人", "责任人姓名", example=person
        ),
    )


def plan_document(en: str, note_zh: str) -> Column:
    """The document of a plan."""
    return text(
        "document",
        "文件",
        en,
        note_zh,
        "文号",
        "依据文件",
        "方案文号",
        required=True,
        example="郑政文〔2017〕210号",
    )


def _measure_of(level: str, zh: str) -> Column:
    return text(
        f"measure_{level}",
        f"{zh}预警措施",
        f"measure under a {level} warning; makes a row of that level",
        f"{zh}预警时的措施，另成一行",
        f"{zh}预警",
        f"{zh}预警减排措施",
        f"{zh}预警应急措施",
        f"{zh}",
    )


LISTINGS = Table(
    "listings",
    "错峰生产企业清单",
    (
        plan_document("document of the plan that the list belongs to", "清单所属方案的文号"),
        plant_id(
            "of the table plants; a plant that is not known yet gets its unified social credit code", required=False
        ),
        *plant_named(),
        line_id(),
        line_named(),
        text("clause", "条款", "clause of the plan", "方案条款", "对应条款", "类别", example="三(一)1"),
        text(
            "measure",
            "停限产措施",
            "what the plant does, in the office's words",
            "停限产措施，照抄原文",
            "错峰生产措施",
            "错峰措施",
            "管控措施",
            "停产限产措施",
            "措施",
            example="停产",
        ),
        *responsible(phone="0371-62800000", office="登封市工信委", person="张某"),
        text(
            "county",
            "县区",
            "county of the plant",
            "企业所在县（市、区）",
            "县（市、区）",
            "所属县区",
            "区县",
            "所在县区",
            "辖区",
        ),
        Column(
            "industry",
            "行业代码",
            Form.INDUSTRY,
            "GB/T 4754 code of the plant; `行业代码（2017）` names the edition",
            "企业的国民经济行业代码，表头写“行业代码（2017）”即注明版本",
            aliases=("国民经济行业代码", "行业小类代码"),
        ),
        text(
            "trade",
            "行业类别",
            "trade in words; a code in it counts where industry is empty",
            "行业名称；其中的代码在未填行业代码时采用",
            "行业",
            "所属行业",
            "行业名称",
            "行业类别/行业代码",
            "错峰生产行业",
        ),
        industry_edition(),
        text("address", "地址", "address of the plant", "企业地址", "企业地址", "详细地址", "生产地址"),
        identity("contact_phone", "企业电话", "telephone of the plant", "企业电话", "企业联系电话", "企业联系人电话"),
        attributes(),
    ),
    "Plants on the office's list, or lines of them; no line means the plant as a whole. What the list says of a plant "
    "goes into `plants`: a plant or line that is not known yet is made, a known one keeps what the list leaves empty.",
    "工信部门的清单，逐企业或逐生产线；生产线为空即整厂。清单所载企业信息写入企业表：未登记的企业、生产线自动建档，清单留空的项目不改动。",
    ("错峰生产清单", "错峰清单", "错峰企业清单", "错峰生产企业名单"),
    needs=("plant_id", "plant_name", "plant_uscc"),
    document="document",
)

PLANT_PLANS = Table(
    "plant_plans",
    "一厂一策",
    (
        plant_id(required=False),
        *plant_named(),
        plan_document("document of the plan that it belongs to", "所属方案的文号"),
        line_id(),
        line_named(),
        Column(
            "level",
            "预警级别",
            Form.CHOICE,
            "warning level that it is for; empty: the season",
            "对应的重污染预警级别，空为秋冬季错峰",
            choices=LEVELS,
            aliases=("级别", "预警等级"),
            example="",
        ),
        Column(
            "lines_stopped",
            "停产生产线",
            Form.IDS,
            "ids or names of the lines that stand still, `;` between",
            "停运的生产线编号或名称，以;分隔",
            aliases=("停产线", "停运生产线", "拟停产生产线"),
            example="P001-L1",
        ),
        Column(
            "control",
            "管控方式",
            Form.CHOICE,
            "kind of control, instead of the rulebook's",
            "管控方式，空则按方案",
            choices=CONTROLS,
            example="",
        ),
        reduction(),
        units_allowed(),
        load_kw("cap_kw", "允许负荷", "allowed load", "允许负荷", "最大允许负荷", "允许最大负荷"),
        load_kw("residual_kw", "保安负荷", "residual load of a stop", "停产时的保安负荷", "保安电力", example="120"),
        ramp_down_h(),
        valid_from(required=False, example=""),
        valid_to(),
        text(
            "measure",
            "停限产措施",
            "in the plant's words",
            "措施，照抄原文",
            "管控措施",
            "应急措施",
            "减排措施",
            "措施",
        ),
        *(_measure_of(level, zh) for level, zh in LEVEL_NAMES.items()),
        *responsible(),
    ),
    "What one plant or line does under a plan; what is given here goes before the plan's own values. `from` and `to` "
    "are this plant's own span, empty = the season's.",
    "企业（或生产线）的停限产方案，所填内容优先于方案的一般规定；起止时间为空即按方案。",
    ("一厂一策表", "一企一策", "一厂一策方案"),
    needs=("plant_id", "plant_name", "plant_uscc"),
    document="document",
)

APPROVALS = Table(
    "approvals",
    "保民生核定",
    (
        scope_id(required=False),
        plant_id("instead of scope_id: the plant's default scope", required=False),
        *plant_named(),
        valid_from(required=True),
        valid_to(example="2018-03-16 00:00"),
        Column(
            "task",
            "保民生任务",
            Form.CHOICE,
            "task of livelihood",
            "保民生任务",
            required=True,
            choices={
                "heating": "heating",
                "居民供暖": "heating",
                "供暖": "heating",
                "供热": "heating",
                "采暖": "heating",
                "waste": "waste",
                "协同处置": "waste",
                "协同处置城市垃圾": "waste",
                "协同处置危险废物": "waste",
                "协同处置城市垃圾或危险废物": "waste",
                "other": "other",
                "其他": "other",
            },
            aliases=("任务", "民生任务", "承担任务"),
            example="heating",
        ),
        load_kw(
            "max_kw",
            "核定最大负荷",
            "highest load that is approved",
            "批准的最大允许生产负荷",
            "最大允许生产负荷",
            "允许最大负荷",
            "最大负荷",
            "核定负荷",
            required=True,
            example="2400",
        ),
        text(
            "approved_by",
            "批准机关",
            "who approved it",
            "批准机关",
            "批准人",
            "批准单位",
            required=True,
            example="郑州市人民政府",
        ),
        text(
            "document",
            "文件",
            "document of the approval",
            "批准文件",
            "批准文号",
            "文号",
            required=True,
            example="郑政函〔2017〕1号",
        ),
        text("filed_with", "备案机关", "where it was filed", "备案机关", "备案", "备案单位", example="省攻坚办"),
    ),
    "Plants that keep residents warm or burn waste may run up to an approved load.",
    "承担居民供暖、协同处置等保民生任务的企业，按批准的最大负荷生产；同一范围时段不得重叠。",
    ("核定表", "保民生", "民生核定", "保民生核定表", "民生保障企业"),
    needs=("scope_id", "plant_id", "plant_name", "plant_uscc"),
)

EPISODES = Table(
    "episodes",
    "重污染预警",
    (
        identity(
            "episode_id",
            "预警编号",
            "id of the episode; every change of its level is a further row",
            "预警过程编号；升级、降级另起一行",
            "预警过程",
            "过程编号",
            required=True,
            example="2017-12-A",
        ),
        valid_from(required=True, example="2017-12-03 12:00"),
        valid_to(example="2017-12-06 08:00"),
        Column(
            "level",
            "预警级别",
            Form.CHOICE,
            "level in force",
            "预警级别",
            required=True,
            choices=LEVELS,
            aliases=("级别", "预警等级"),
            example="orange",
        ),
        text(
            "document",
            "文件",
            "document that orders it",
            "发布文件",
            "文号",
            "发布文号",
            required=True,
            example="郑环攻坚办〔2017〕1号",
        ),
        text(
            "county",
            "县区",
            "county; empty: the whole city",
            "县（市、区），空为全市",
            "县（市、区）",
            "所属县区",
            "区县",
        ),
    ),
    "Warning levels of heavy pollution in force; rows of an episode never overlap.",
    "重污染天气预警及其级别；同一过程时段不得重叠。",
    ("预警", "重污染天气预警", "预警表"),
)

ROTATIONS = Table(
    "rotations",
    "轮产",
    (
        scope_id(required=False),
        plant_id("instead of scope_id: the plant's default scope", required=False),
        *plant_named(),
        valid_from(required=True, example="2017-12-01 00:00"),
        valid_to(required=True, example="2017-12-16 00:00"),
        text(
            "group",
            "轮产组",
            "plants that take turns",
            "轮流生产的一组企业",
            "组别",
            "轮产组别",
            required=True,
            example="水泥一组",
        ),
        text(
            "document",
            "文件",
            "document of the plan of turns",
            "轮产方案文件",
            "文号",
            required=True,
            example="郑工信〔2017〕1号",
        ),
        text(
            "approved_by",
            "批准机关",
            "who approved it",
            "批准机关",
            "批准人",
            "批准单位",
            required=True,
            example="市工信委",
        ),
    ),
    "Turns in which a plant may run while its group stands still.",
    "轮产期间，轮到的企业可以生产。",
    ("轮产表", "轮产计划", "轮流生产"),
    needs=("scope_id", "plant_id", "plant_name", "plant_uscc"),
)
