"""Files as offices make them: titles, headers of two lines, merged cells, footers."""

import csv
from collections.abc import Sequence
from pathlib import Path

from openpyxl import Workbook

from service.registry.codes import check_character

Rows = Sequence[Sequence[object]]


def uscc(digits: str) -> str:
    """A unified social credit code of Zhengzhou with these nine characters and the right last one."""
    code = "91410100" + digits
    return code + check_character(code)


CEMENT, BRICK, FOUNDRY = uscc("MA3X00001"), uscc("MA3X00002"), uscc("MA3X00003")

#: 错峰生产企业清单: a title over all columns, a header of two lines, one plant over several lines, a sum, a signature.
LIST: Rows = (
    ("郑州市2017—2018年秋冬季错峰生产企业清单", *[None] * 10),
    ("依据：郑政文〔２０１７〕210号", *[None] * 10),
    (
        "序号",
        "县（市、\n区）",
        "企 业 名 称",
        "统一社会信用代码",
        "行业代码\n（2017）",
        "生产线（工序）",
        "停限产\n措施",
        "责任单位",
        "责任人",
        None,
        "备注",
    ),
    (None, None, None, None, None, None, None, None, "姓名", "联系电话", None),
    (
        1,
        "登封市",
        "登封甲水泥有限公司",
        CEMENT,
        "C3011",
        "1号熟料线",
        "停产",
        "登封市工信委",
        "张某",
        "0371-6280001",
        None,
    ),
    (None, None, None, None, None, "2号熟料线", "停产", None, None, None, None),
    (None, None, None, None, None, "水泥磨", "不停产", None, None, None, "粉磨"),
    (2, "新密市", "新密乙砖厂", BRICK, "３０３１", "全厂", "停产", "新密市工信委", "李某", "0371-6280002", None),
    (3, "荥阳市", "荥阳丙铸造有限公司", FOUNDRY.lower(), 3391, None, "停产", "荥阳市工信委", "王某", 3716280003, None),
    ("合计", None, "3家", *[None] * 8),
    ("填表人：赵某", None, None, None, "填报日期：2017年11月10日", *[None] * 6),
)
LIST_MERGES = ("A1:K1", "A2:K2", "I3:J3", *(f"{c}3:{c}4" for c in "ABCDEFGHK"), *(f"{c}5:{c}7" for c in "ABCDEHIJ"))

#: 一厂一策: measures of three warning levels side by side.
PLANS: Rows = (
    ("郑州市工业企业“一厂一策”汇总表（郑政文〔2017〕210号）", *[None] * 9),
    (
        "企业名称",
        "停产生产线",
        "保安负荷（kW）",
        "降负荷时间（h）",
        "责任单位",
        "责任单位联系电话",
        "预警措施",
        None,
        None,
        "措施",
    ),
    (None, None, None, None, None, None, "黄色", "橙色", "红色", None),
    (
        "登封甲水泥有限公司",
        "1号熟料线、2号熟料线",
        "１２０千瓦",
        "48小时",
        "登封市工信委",
        "0371-6280001",
        "限产30%",
        "停产",
        None,
        "按方案",
    ),
    ("新密乙砖厂", None, 15, 24, "新密市工信委", "0371-6280002", None, None, "停产", "停产"),
)
PLAN_MERGES = ("A1:J1", "G2:I2", *(f"{c}2:{c}3" for c in "ABCDEFJ"), "H4:I4")


def workbook(path: Path, sheets: dict[str, tuple[Rows, Sequence[str]]]) -> Path:
    """A workbook of sheets: (rows, merged cells)."""
    book = Workbook()
    del book["Sheet"]
    for name, (rows, merges) in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
        for merged in merges:
            sheet.merge_cells(merged)
    book.save(path)
    return path


def csv_file(path: Path, rows: Rows, encoding: str) -> Path:
    """The rows as a spreadsheet saves them: what is merged stands once."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([["" if cell is None else cell for cell in row] for row in rows])
    return path
