"""Pieces of sentences about orders, in Chinese and English: numbers with units, times, names, why nothing is known."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from detectors.registry import FOREVER, Exemption, Order
from detectors.registry_columns import daily_window, has_daily_window
from detectors.vocab import Control, Reason

Words = tuple[str, str]

CONTROLS: dict[Control, Words] = {
    Control.STOP: ("停产令", "stop order"),
    Control.LIMIT: ("限产令", "limit order"),
    Control.CAP: ("核定负荷令", "approved-load order"),
    Control.UNITS: ("限台（线）令", "order by lines or cells"),
    Control.COKING: ("延长出焦令", "coking-time order"),
}
MISSING: dict[Reason, Words] = {
    Reason.NO_BASELINE: (
        "缺少：该时段有效的基准负荷。补录并批准基准后即可计算",
        "missing: a baseline valid at this slot; once one is approved the cap can be worked out",
    ),
    Reason.NO_DAY_ENERGY: (
        "缺少：基准的日电量或日曲线，因此没有当日允许电量",
        "missing: the baseline's day energy or profile, so there is no energy allowance of the day",
    ),
    Reason.IDLE_UNKNOWN: (
        "缺少：令中的保安负荷或基准的停产负荷，停产时的正常负荷未知",
        "missing: a residual load in the order or an idle load in the baseline, so a stopped plant's load is not known",
    ),
    Reason.UNDECIDABLE: ("", ""),  # said by control, see ``missing``
}
_UNDECIDABLE: dict[Control, Words] = {
    Control.COKING: (
        "用电不能判定出焦时间：缺少推焦机分表（推焦范围）",
        "electricity cannot decide coking time: missing a sub-meter of the pushing machine (a scope of kind pushes)",
    ),
    Control.UNITS: (
        "缺少：允许台数或限产比例、生产线台数，或各线的计量点、单台负荷、基准，因此不能计数也不能估算",
        "missing: units allowed or a reduction, the number of units, or meters, unit loads or baselines of the lines: "
        "running units can be neither counted nor estimated",
    ),
    Control.LIMIT: ("缺少：限产比例", "missing: the reduction"),
}


def missing(control: Control, reason: Reason) -> Words:
    """What is missing for a cap, or for a sure verdict."""
    return _UNDECIDABLE[control] if reason == Reason.UNDECIDABLE else MISSING[reason]


def number(value: float, unit: str) -> str:
    """Up to two decimals: ``1,003.7 kW``."""
    return f"{value:,.2f}".rstrip("0").rstrip(".") + f" {unit}"


def kw(value: float) -> str:
    """A load."""
    return number(value, "kW")


def kwh(value: float) -> str:
    """An energy."""
    return number(value, "kWh")


def share(value: float) -> str:
    """A share of one as per cent, without a needless decimal: ``29.17%``."""
    return f"{100 * value:.2f}".rstrip("0").rstrip(".") + "%"


def local(epoch_s: int, zone: str) -> str:
    """A time in the registry's zone, to the minute."""
    return datetime.fromtimestamp(epoch_s, UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def span(begin_s: int, end_s: int, zone: str) -> Words:
    """From when to when; an open end is said."""
    begin = local(begin_s, zone)
    if end_s >= FOREVER:
        return f"自 {begin} 起", f"from {begin} on"
    end = local(end_s, zone)
    end = end[11:] if end[:10] == begin[:10] else end
    return f"{begin} 至 {end}", f"{begin} to {end}"


def clock(second_of_day: int) -> str:
    """A wall-clock time: 22:00, or 22:00:30 where seconds matter."""
    hours, rest = divmod(second_of_day, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours:02d}:{minutes:02d}" + (f":{seconds:02d}" if seconds else "")


def order_name(order: Order) -> Words:
    """Kind, id and revision of an order."""
    zh, en = CONTROLS[order.control]
    return f"{zh}“{order.order_id}”（第{order.revision}版）", f"{en} “{order.order_id}” (revision {order.revision})"


def basis(order: Order) -> Words:
    """Document and clause; said where they are not recorded."""
    if order.document is None and order.clause is None:
        return "未登记文件和条款", "no document or clause is recorded"
    zh = " ".join(part for part in (order.document, order.clause) if part)
    en = ", ".join(part for part in (order.document, order.clause and f"clause {order.clause}") if part)
    return zh, en


def order_span(order: Order, zone: str) -> Words:
    """When an order holds, its daily window included."""
    zh, en = span(order.valid_from, order.valid_to, zone)
    if not has_daily_window(order):
        return zh, en
    begin, end = (clock(s) for s in daily_window(order))
    return f"{zh}，每日 {begin} 至 {end}", f"{en}, daily {begin} to {end}"


def exemption_words(exemption: Exemption, zone: str) -> Words:
    """An exemption with who approved it and by which document."""
    zh, en = span(exemption.valid_from, exemption.valid_to, zone)
    what_zh, what_en = (
        ("不受限", "no cap")
        if exemption.max_kw is None
        else (
            f"允许至 {kw(exemption.max_kw)}",
            f"up to {kw(exemption.max_kw)}",
        )
    )
    document_zh = f"，文件 {exemption.document}" if exemption.document else "，未登记文件"
    document_en = f", document {exemption.document}" if exemption.document else ", no document is recorded"
    return (
        f"豁免（{exemption.reason}）：{zh}，{what_zh}，批准人 {exemption.approved_by}{document_zh}",
        f"exemption ({exemption.reason}): {en}, {what_en}, approved by {exemption.approved_by}{document_en}",
    )
