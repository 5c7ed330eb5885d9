// Every word of the page, in both languages. Codes come from the service and are shown by these labels.
const ZH = {
  demo: "演示数据", forget: "退出", ask_title: "请输入访问密钥", ask_why: "密钥只保存在本标签页,关闭后即清除。",
  key: "密钥", enter: "进入", refused: "密钥无效、已过期或无权查看。", alerts: "告警", plants: "企业", search: "搜索企业、县区、编号",
  open_only: "仅未关闭", choose: "选择一条告警或一家企业,查看负荷曲线。", plant_alerts: "该企业的告警", none: "暂无",
  lead: "用电告警是线索,现场记录才是证据", as_of: "数据截至", lag: "延迟", fine: "数据正常",
  degraded: "数据不完整:没有告警不等于没有违规", away: "与服务的连接中断,正在重试", never: "尚无研判结果",
  load: "负荷", cap: "允许负荷", baseline: "基准负荷", gap: "无有效数据", coverage: "完整率", order: "停限产令", revision: "第{n}版",
  first: "起始", last: "最近", opened: "确认", closed: "关闭", peak: "峰值", over: "超限电量", rule: "规则", evidence: "证据", work: "处置",
  baseline_version: "基准版本", thresholds: "阈值", acknowledge: "签收", actor: "签收人", reason: "说明", done: "已签收", stale: "告警已变化,请查看后重试",
  taken: "已有人签收", failed: "未成功,请重试", history: "过程", contract: "合同容量", open_alerts: "未关闭告警", day1: "1天", day3: "3天", day7: "7天", fit: "告警时段",
  grade1: "预警", grade2: "报警", minutes: "分钟", seconds: "秒", backfill: "历史补报", language: "EN", now: "当前",
};
const EN = {
  demo: "demonstration data 演示数据", forget: "Sign out", ask_title: "Enter your access key", ask_why: "The key stays in this tab and is forgotten when it closes.",
  key: "Key", enter: "Enter", refused: "This key is not valid, has expired, or may not read.", alerts: "Alerts", plants: "Plants", search: "Plant, county, id",
  open_only: "open only", choose: "Choose an alert or a plant to see its load curve.", plant_alerts: "Alerts of this plant", none: "none",
  lead: "an electricity alert is a lead, the site record is the evidence", as_of: "Data as of", lag: "lag", fine: "up to date",
  degraded: "Incomplete: no alerts does not mean no violations", away: "No connection to the service, trying again", never: "Nothing judged yet",
  load: "Load", cap: "Cap", baseline: "Baseline", gap: "no evidence", coverage: "Coverage", order: "Order", revision: "revision {n}",
  first: "Began", last: "Last", opened: "Certain", closed: "Closed", peak: "Peak", over: "Energy over cap", rule: "Rule", evidence: "Evidence", work: "Work",
  baseline_version: "Baseline version", thresholds: "Thresholds", acknowledge: "Acknowledge", actor: "Your name", reason: "Reason", done: "Acknowledged", stale: "The alert has changed; look again, then retry",
  taken: "Somebody was there before", failed: "It did not work, please retry", history: "History", contract: "Contract", open_alerts: "open alerts", day1: "1 day", day3: "3 days", day7: "7 days", fit: "alert span",
  grade1: "warning", grade2: "alarm", minutes: "min", seconds: "s", backfill: "backfill", language: "中文", now: "now",
};
const CODES = {
  stop_run: ["停产期间运行", "running under a stop"], stop_day: ["停产日电量超限", "day energy under a stop"], limit_slot: ["限产负荷超限", "over the limit"],
  limit_day: ["限产日电量超限", "day energy over the limit"], limit_pace: ["日电量将超限", "pace breaks the day's limit"], hours_over: ["累计超限时长", "hours over"],
  cap_abs: ["超核定负荷", "over the approved load"], units_over: ["运行台数超限", "too many lines or cells"], offline: ["计量离线", "meter silent"], feed_down: ["数据源中断", "source down"], outage: ["停电", "outage"], bad_data: ["数据异常", "bad data"],
  compliant: ["合规", "compliant"], violating: ["违规", "violating"], unknown: ["无法判定", "unknown"], grace: ["降负荷宽限", "grace"], exempt: ["豁免", "exempt"], no_order: ["无停限令", "no order"],
  pending: ["待确认", "pending"], firing: ["持续中", "firing"], recovering: ["恢复中", "recovering"], retracted: ["已撤回", "retracted"],
  provisional: ["暂定", "provisional"], final: ["最终", "final"], revised: ["已修订", "revised"],
  new: ["未处置", "new"], acknowledged: ["已签收", "acknowledged"], dispatched: ["已派单", "dispatched"], feedback: ["已反馈", "feedback"], concluded: ["已办结", "concluded"],
  opened: ["发出", "opened"], updated: ["更新", "updated"], closed: ["已关闭", "closed"], reopened: ["重新打开", "reopened"],
  partial_slot: ["令仅覆盖部分时段", "order covers part of the slot"], within_tolerance: ["容差内", "within tolerance"], missing: ["缺数", "missing"], awaited: ["等待数据", "awaited"],
  incomplete: ["部分计量点", "part of the meters"], no_meter: ["无有效计量点", "no meter"], zero_unproven: ["零值未证实", "zero not proven"], resolution: ["表码分辨率不足", "register too coarse"],
  idle_unknown: ["停产负荷未知", "idle level unknown"], no_baseline: ["无基准", "no baseline"], no_day_energy: ["无日基准电量", "no day energy"], undecidable: ["用电无法判定", "cannot be decided"],
  estimated: ["按负荷估算不能判定", "left open by the estimate"], units_unknown: ["运行台数不明", "running units not known"],
  day_cap_used: ["日电量已用尽", "day cap used"], over_capacity: ["超合同容量", "over capacity"], not_evidence: ["非有效数据", "not evidence"], no_multiplier: ["无综合倍率", "no multiplier"],
  below_cap: ["回落", "below cap"], order_end: ["令已结束", "order ended"], window_end: ["时段结束", "window ended"], exemption: ["豁免", "exemption"], day_end: ["当日结束", "day ended"], cleared: ["已恢复", "cleared"],
};

let language = "zh";

export function setLanguage(value) {
  language = value === "en" ? "en" : "zh";
  document.documentElement.lang = language === "en" ? "en" : "zh-CN";
}

export function currentLanguage() {
  return language;
}

export function word(name, values = {}) {
  const text = (language === "en" ? EN : ZH)[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

export function label(code) {
  const pair = CODES[code];
  return pair ? pair[language === "en" ? 1 : 0] : String(code ?? "–");
}
