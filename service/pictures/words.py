"""Words of the pictures, in Chinese and English."""

from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

_WORDS: dict[str, tuple[str, str]] = {
    # lines
    "load": ("负荷", "load"),
    "bound": ("负荷下限(部分计量点)", "load, lower bound (part of the meters)"),
    "cap": ("允许负荷", "cap"),
    "running": ("基准负荷", "running load of the baseline"),
    "idle": ("停产负荷", "idle load of the baseline"),
    "used": ("当日累计电量", "energy of the day so far"),
    "day_cap": ("当日允许电量", "energy cap of the day"),
    # bands and windows
    "verdict": ("判定", "verdict"),
    "data": ("数据", "data"),
    "compliant": ("合规", "compliant"),
    "violating": ("违规", "violating"),
    "unknown": ("无法判定", "unknown"),
    "grace": ("降负荷宽限", "grace"),
    "exempt": ("豁免", "exempt"),
    "outage": ("停电", "outage"),
    "order": ("停限令时段", "under an order"),
    # what the data of a slot is worth
    "missing": ("缺数", "missing"),
    "awaited": ("等待数据", "awaited"),
    "partial": ("部分计量点", "part of the meters"),
    "no_evidence": ("非有效数据", "no evidence"),
    "coarse": ("表码分辨率不足", "register too coarse"),
    "suspect_level": ("疑似电量级次错误", "suspect: wrong level"),
    "suspect_stuck": ("疑似表计卡滞", "suspect: stuck"),
    "suspect_spike": ("疑似尖峰", "suspect: spike"),
    "suspect_dropout": ("疑似跌零", "suspect: dropout"),
    "not_judged": ("尚未判定", "not judged"),
    # marks
    "first": ("起始", "began"),
    "opened": ("确认", "certain"),
    "closed": ("关闭", "closed"),
    # title and foot
    "scope": ("监测范围", "scope"),
    "meters": ("计量点", "meters"),
    "sources": ("数据源", "source"),
    "baseline": ("基准", "baseline"),
    "judged_to": ("已判定至", "judged up to"),
    "evidence": ("用电证据", "evidence of electricity"),
    "lead": ("用电告警是线索,现场记录才是证据", "an electricity alert is a lead, the site record is the evidence"),
    "gap": ("无有效数据处不画线", "no line where there is no evidence"),
    # rules
    "stop_run": ("停产期间运行", "running under a stop"),
    "stop_day": ("停产日电量超限", "day energy under a stop"),
    "hours_over": ("累计超限时长", "hours over"),
    "limit_slot": ("限产负荷超限", "over the limit"),
    "limit_day": ("限产日电量超限", "day energy over the limit"),
    "limit_pace": ("日电量将超限", "pace breaks the day's limit"),
    "cap_abs": ("超核定负荷", "over the approved load"),
    "units_over": ("运行台数超限", "too many lines or cells"),
    "night_run": ("夜间运行", "running by night"),
    "step_up": ("负荷阶跃上升", "step up"),
    "over_capacity": ("擅自扩大产能", "over capacity"),
    "shift": ("转移生产", "production moved"),
    "offline": ("计量离线", "meter silent"),
    "bad_data": ("数据异常", "bad data"),
    "outage_alert": ("停电", "outage"),
    "treatment_off": ("治污设施未运行", "treatment off"),
    "feed_down": ("数据源中断", "source down"),
    # orders
    "stop": ("停产令", "stop"),
    "limit": ("限产令", "limit"),
    "cap_order": ("核定负荷令", "approved load"),
    "units": ("限台(线)令", "lines or cells"),
    "coking": ("延长出焦令", "coking time"),
}


def word(name: str, language: Language) -> str:
    """A word in a language; raises KeyError for one that is not there."""
    return _WORDS[name][language == "en"]
