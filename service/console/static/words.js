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
  orders: "停限产令", explain: "为什么是这个允许负荷?", why_cap: "允许负荷的由来", close: "关闭", no_orders: "没有停限产令", open_end: "未定", less: "限产{n}%", residual: "保安负荷", of_units: "{m}条(台)中允许{n}条(台)",
  by_energy: "按日电量", warning: "预警{level}", daily: "每日", a_day: "日", no_document: "未登记文件", no_clause: "未登记条款", no_cap: "不受限", curve_keys: "负荷曲线:左右键移动,回车查看该时段允许负荷的由来",
  order_state: "当前", order_what: "内容", order_basis: "依据", order_when: "时间", order_cap: "允许",
  about_state: "结论", about_order: "依据", about_baseline: "基准", about_cap: "计算", about_units: "计数", about_day_cap: "日电量", about_exemption: "豁免", about_tolerance: "容差", about_beside: "其他令", about_missing: "缺少",
  grade1: "预警", grade2: "报警", minutes: "分钟", seconds: "秒", backfill: "历史补报", language: "EN", save_picture: "保存证据图", now: "当前",
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
  orders: "Orders", explain: "Why this cap?", why_cap: "Where the cap comes from", close: "Close", no_orders: "no orders", open_end: "open", less: "{n} % less", residual: "residual", of_units: "{n} of {m} lines or cells",
  by_energy: "by day energy", warning: "{level} warning", daily: "daily", a_day: "day", no_document: "no document recorded", no_clause: "no clause recorded", no_cap: "no cap", curve_keys: "Load curve: arrow keys move, Enter tells where that slot's cap comes from",
  order_state: "Now", order_what: "Order", order_basis: "By", order_when: "When", order_cap: "Allowed",
  about_state: "Answer", about_order: "Order", about_baseline: "Baseline", about_cap: "Arithmetic", about_units: "Counting", about_day_cap: "Day energy", about_exemption: "Exemption", about_tolerance: "Tolerance", about_beside: "Other orders", about_missing: "Missing",
  grade1: "warning", grade2: "alarm", minutes: "min", seconds: "s", backfill: "backfill", language: "中文", save_picture: "Save this picture", now: "now",
};
const CODES = {
  stop_run: ["停产期间运行", "running under a stop"], stop_day: ["停产日电量超限", "day energy under a stop"], limit_slot: ["限产负荷超限", "over the limit"],
  limit_day: ["限产日电量超限", "day energy over the limit"], limit_pace: ["日电量将超限", "pace breaks the day's limit"], hours_over: ["累计超限时长", "hours over"],
  shift: ["转移生产", "production moved"], treatment_off: ["治污设施未运行", "treatment off"],
  cap_abs: ["超核定负荷", "over the approved load"], units_over: ["运行台数超限", "too many lines or cells"], offline: ["计量离线", "meter silent"], feed_down: ["数据源中断", "source down"], outage: ["停电", "outage"], bad_data: ["数据异常", "bad data"],
  night_run: ["夜间运行", "running by night"], step_up: ["负荷阶跃上升", "step up"], shift: ["转移生产", "production moved"], treatment_off: ["治污设施未运行", "treatment off"],
  suspect_level: ["疑似电量级次错误", "suspect: wrong level"], suspect_stuck: ["疑似表计卡滞", "suspect: stuck"], suspect_spike: ["疑似尖峰", "suspect: spike"], suspect_dropout: ["疑似跌零", "suspect: dropout"], low_confidence: ["基准置信度低", "baseline of low confidence"],
  compliant: ["合规", "compliant"], violating: ["违规", "violating"], unknown: ["无法判定", "unknown"], grace: ["降负荷宽限", "grace"], exempt: ["豁免", "exempt"], no_order: ["无停限令", "no order"],
  stop: ["停产", "stop"], limit: ["限产", "limit"], cap: ["核定负荷", "approved load"], units: ["限台(线)", "lines or cells"], coking: ["延长出焦", "coking time"], yellow: ["黄色", "yellow"], orange: ["橙色", "orange"], red: ["红色", "red"],
  ordered: ["受令", "ordered"], partial: ["部分时段", "in part"], takes: ["执行中", "in force"], beside: ["同时有效", "also in force"], outside_window: ["不在每日时间", "outside its hours"], to_come: ["未开始", "to come"], past: ["已结束", "over"], withdrawn: ["已撤销", "withdrawn"],
  pending: ["待确认", "pending"], firing: ["持续中", "firing"], recovering: ["恢复中", "recovering"], retracted: ["已撤回", "retracted"],
  provisional: ["暂定", "provisional"], final: ["最终", "final"], revised: ["已修订", "revised"],
  new: ["未处置", "new"], acknowledged: ["已签收", "acknowledged"], dispatched: ["已派单", "dispatched"], feedback: ["已反馈", "feedback"], concluded: ["已办结", "concluded"],
  opened: ["发出", "opened"], updated: ["更新", "updated"], closed: ["已关闭", "closed"], reopened: ["重新打开", "reopened"],
  partial_slot: ["令仅覆盖部分时段", "order covers part of the slot"], within_tolerance: ["容差内", "within tolerance"], missing: ["缺数", "missing"], awaited: ["等待数据", "awaited"],
  incomplete: ["部分计量点", "part of the meters"], no_meter: ["无有效计量点", "no meter"], zero_unproven: ["零值未证实", "zero not proven"], resolution: ["表码分辨率不足", "register too coarse"],
  idle_unknown: ["停产负荷未知", "idle level unknown"], no_baseline: ["无基准", "no baseline"], no_day_energy: ["无日基准电量", "no day energy"], undecidable: ["用电无法判定", "cannot be decided"],
  estimated: ["按负荷估算不能判定", "left open by the estimate"], units_unknown: ["运行台数不明", "running units not known"],
  day_cap_used: ["日电量已用尽", "day cap used"], over_capacity: ["超容量", "over capacity"], not_evidence: ["非有效数据", "not evidence"], no_multiplier: ["无综合倍率", "no multiplier"],
  below_cap: ["回落", "below cap"], order_end: ["令已结束", "order ended"], window_end: ["时段结束", "window ended"], exemption: ["豁免", "exemption"], day_end: ["当日结束", "day ended"], cleared: ["已恢复", "cleared"], night_end: ["夜间结束", "night ended"], stepped_down: ["阶跃已回落", "stepped down"], order_begin: ["令开始", "order began"],
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
