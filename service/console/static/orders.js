// A plant's orders: what each scope is under now, by which clause of which document, and the reasons of a slot's cap.
import { get } from "./service.js";
import { currentLanguage, label, word } from "./words.js";

const AHEAD = new Set(["to_come"]), OVER = new Set(["past", "withdrawn"]);
const PILLS = { takes: "ordered", beside: "", exempt: "exempt", grace: "grace", outside_window: "", partial: "", to_come: "", past: "", withdrawn: "" };
const SCOPE_PILLS = { ordered: "ordered", exempt: "exempt", grace: "grace", partial: "", no_order: "" };

function make(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
const number = (value, unit) => `${value.toLocaleString("en", { maximumFractionDigits: 1 })} ${unit}`;
const minute = (text) => (text ? text.slice(0, 16).replace("T", " ") : word("open_end"));
const marked = (text, kind) => make("span", `pill ${kind}`, text);

// What is ordered, in the words of the order itself.
function demand({ order, units_allowed: allowed, units_total: total }) {
  const isShare = order.control === "limit" && order.reduction !== null; // the share says it all
  const parts = isShare ? [] : [label(order.control)];
  if (order.reduction !== null) parts.push(word("less", { n: Number((order.reduction * 100).toFixed(1)) }));
  if (order.cap_kw !== null) parts.push(number(order.cap_kw, "kW"));
  if (order.residual_kw !== null) parts.push(`${word("residual")} ${number(order.residual_kw, "kW")}`);
  if (allowed !== null) parts.push(word("of_units", { n: allowed, m: total }));
  if (order.measure === "energy") parts.push(word("by_energy"));
  if (order.level !== null) parts.push(word("warning", { level: label(order.level) }));
  return parts.join(" · ");
}

function when(order) {
  const window = order.daily_from ?? order.daily_to ? ` · ${word("daily")} ${order.daily_from ?? "00:00"}–${order.daily_to ?? "24:00"}` : "";
  return `${minute(order.from)} → ${minute(order.to)}${window}`;
}

function allowance(row) {
  if (row.day_cap_kwh !== null) return `${number(row.day_cap_kwh, "kWh")} / ${word("a_day")}`;
  if (row.cap_kw !== null) return number(row.cap_kw, "kW");
  return row.missing.length ? row.missing.map(label).join(", ") : "–";
}

function orderRow(row) {
  const { order } = row;
  const basis = make("td", "", make("div", "", order.document ?? word("no_document")), make("div", "soft", order.clause ?? word("no_clause")));
  const what = make("td", "", make("div", "", demand(row)), make("div", "soft", `${order.order_id} · ${word("revision", { n: order.revision })}`));
  const notes = row.exemptions.map((e) => make("div", "soft", `${label("exemption")}: ${e.reason}, ${minute(e.from)} → ${minute(e.to)}, ${e.max_kw === null ? word("no_cap") : number(e.max_kw, "kW")}, ${e.approved_by}${e.document ? `, ${e.document}` : ""}`));
  const grace = row.grace_to ? make("div", "soft", `${label("grace")} → ${minute(row.grace_to)}`) : null;
  const made = make("tr", OVER.has(row.state) ? "over" : "", make("td", "", marked(label(row.state), PILLS[row.state] ?? "")), what, basis, make("td", "", make("div", "", when(order)), grace, ...notes), make("td", "number", allowance(row)));
  made.dataset.order = order.order_id;
  made.dataset.state = row.state;
  return made;
}

const rank = (row) => (AHEAD.has(row.state) ? 1 : OVER.has(row.state) ? 2 : row.state === "takes" ? -1 : 0);

function scopeBlock(scope, onExplain) {
  const taking = scope.orders.find((row) => row.state === "takes");
  const cap = taking ? `${word("order_cap")} ${taking.units_allowed === null ? allowance(taking) : word("of_units", { n: taking.units_allowed, m: taking.units_total })}` : "";
  const button = make("button", "quiet", word("explain"));
  button.type = "button";
  button.dataset.explain = scope.scope_id;
  button.setAttribute("aria-controls", "explanation");
  button.addEventListener("click", () => onExplain(scope.scope_id, null));
  const head = make("div", "scope-head", make("b", "", scope.name), marked(label(scope.state), SCOPE_PILLS[scope.state] ?? ""), make("span", "soft", cap), button);
  const rows = [...scope.orders].sort((a, b) => rank(a) - rank(b) || a.order.from.localeCompare(b.order.from));
  if (!rows.length) return make("div", "scope-orders", head, make("p", "soft", word("no_orders")));
  const heads = ["order_state", "order_what", "order_basis", "order_when", "order_cap"].map((name) => {
    const cell = make("th", "", word(name));
    cell.scope = "col";
    return cell;
  });
  const table = make("table", "", make("thead", "", make("tr", "", ...heads)), make("tbody", "", ...rows.map(orderRow)));
  table.setAttribute("aria-label", `${word("orders")}: ${scope.name}`);
  return make("div", "scope-orders", head, make("div", "scroll", table));
}

export const plantOrders = (plantId) => get(`/v1/plants/${encodeURIComponent(plantId)}/orders`);
export const explanation = (scopeId, at) => get(`/v1/scopes/${encodeURIComponent(scopeId)}/caps/explain`, { at });

export function drawOrders(host, body, onExplain) {
  host.replaceChildren(...body.scopes.map((scope) => scopeBlock(scope, onExplain)));
}

export function drawExplanation(host, body, onClose) {
  const close = make("button", "quiet", word("close"));
  close.type = "button";
  close.addEventListener("click", onClose);
  const title = make("h4", "", `${word("why_cap")} · ${minute(body.slot_from)} – ${body.slot_to.slice(11, 16)}`);
  title.tabIndex = -1;
  const lines = body.sentences.map((sentence) => {
    const line = make("li", sentence.about, make("span", "about", word(`about_${sentence.about}`)), make("span", "", currentLanguage() === "en" ? sentence.en : sentence.zh));
    line.dataset.about = sentence.about;
    return line;
  });
  host.replaceChildren(make("div", "scope-head", title, close), make("ol", "", ...lines));
}
