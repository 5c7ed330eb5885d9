// The page: a list of alerts and plants that follows the change feed, and the curve of what was chosen.
import { drawCurve, drawLegend } from "./curve.js";
import { drawExplanation, drawOrders, explanation, plantOrders } from "./orders.js";
import { allPages, acknowledge, forgetKey, get, getTagged, hasKey, newAttempt, pictureAddress, setKey, takeKeyFromAddress } from "./service.js";
import { currentLanguage, label, setLanguage, word } from "./words.js";

const OPEN = new Set(["pending", "firing", "recovering"]);
const RAISES = new Set(["opened", "reopened", "retracted", "revised"]);
const SHOWN = 300;
const el = (id) => document.getElementById(id);
const state = { alerts: new Map(), plants: new Map(), rank: 0, tab: "alerts", plant: null, scope: null, alert: null, days: 1, standing: null, away: false, running: null, explained: null };

function make(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
const pill = (code) => make("span", `pill ${code}`, label(code));
const time = (text) => (text ? text.slice(5, 16).replace("T", " ") : "–");
const number = (value, unit) => (value === null || value === undefined ? "–" : `${value.toLocaleString("en", { maximumFractionDigits: 1 })} ${unit}`);
const plantName = (alert) => state.plants.get(alert.plant_id)?.name ?? alert.plant_id ?? alert.scope_id;
const summary = (alert) => alert.summary?.[currentLanguage()] ?? alert.summary?.zh ?? "";

function showStanding() {
  const place = el("standing"), now = state.standing;
  if (state.away) { place.className = "standing away"; place.textContent = word("away"); return; }
  if (!now) { place.className = "standing"; place.textContent = ""; return; }
  const lag = now.ingest_lag_s;
  const parts = [now.data_as_of ? `${word("as_of")} ${now.data_as_of.slice(0, 16).replace("T", " ")}` : word("never")];
  if (lag !== null) parts.push(`${word("lag")} ${lag < 120 ? `${Math.round(lag)} ${word("seconds")}` : `${Math.round(lag / 60)} ${word("minutes")}`}`);
  parts.push(word(now.degraded ? "degraded" : "fine"));
  place.className = `standing ${now.degraded ? "degraded" : "fine"}`;
  place.textContent = parts.join(" · ");
}

function alertItem({ alert, isFresh }) {
  const over = !OPEN.has(alert.condition);
  const item = make("li", `grade${alert.grade}${over ? " over" : ""}${alert.condition === "retracted" ? " retracted" : ""}${isFresh ? " fresh" : ""}${state.alert === alert.id ? " chosen" : ""}`,
    make("div", "head", make("b", "", plantName(alert)), pill(alert.condition)),
    make("div", "line", `${label(alert.rule)} · ${alert.county ?? ""}`, make("span", "", `${time(alert.first_slot_end)} → ${time(alert.last_slot_end).slice(6)}`)),
    make("div", "line", `${number(alert.peak_kw, "kW")} / ${number(alert.cap_kw, "kW")}`, make("span", "", alert.work === "new" ? "" : label(alert.work))));
  item.dataset.alert = alert.id;
  item.tabIndex = 0;
  item.addEventListener("click", () => choose(alert.plant_id, alert.id));
  return item;
}

function plantItem(plant) {
  const verdicts = plant.scopes.map((s) => s.current?.verdict).filter(Boolean);
  const worst = ["violating", "unknown", "grace", "outage", "exempt", "compliant", "no_order"].find((v) => verdicts.includes(v));
  const now = plant.scopes.find((s) => s.scope_id === plant.plant_id)?.current ?? plant.scopes[0]?.current;
  const leading = state.alerts.get(plant.leading_alert)?.alert;
  const item = make("li", `${worst === "violating" ? "grade2" : ""}${state.plant === plant.plant_id ? " chosen" : ""}`,
    make("div", "head", make("b", "", plant.name), worst ? pill(worst) : null),
    make("div", "line", leading ? `${plant.county} · ${label(leading.rule)}` : plant.county, make("span", "", `${number(now?.load_kw ?? null, "kW")} / ${number(now?.cap_kw ?? null, "kW")}`)));
  item.dataset.plant = plant.plant_id;
  item.tabIndex = 0;
  item.addEventListener("click", () => choose(plant.plant_id, null));
  return item;
}

const rankOf = (plant) => (plant.scopes.some((s) => s.current?.verdict === "violating") ? 0 : plant.open_alerts.length ? 1 : 2);

function showLists() {
  const wanted = el("search").value.trim().toLowerCase();
  const matches = (...texts) => !wanted || texts.some((text) => String(text ?? "").toLowerCase().includes(wanted));
  const openOnly = el("open-only").checked;
  const all = [...state.alerts.values()].sort((a, b) => b.rank - a.rank);
  const alerts = all.filter(({ alert }) => (!openOnly || OPEN.has(alert.condition)) && matches(plantName(alert), alert.county, alert.plant_id, alert.id, label(alert.rule)));
  const plants = [...state.plants.values()].filter((p) => matches(p.name, p.county, p.plant_id)).sort((a, b) => rankOf(a) - rankOf(b) || a.plant_id.localeCompare(b.plant_id));
  const fill = (id, items) => el(id).replaceChildren(...(items.length ? items : [make("li", "empty", word("none"))]));
  fill("alerts", alerts.slice(0, SHOWN).map(alertItem));
  fill("plants", plants.map(plantItem));
  el("count-alerts").textContent = String(all.filter(({ alert }) => OPEN.has(alert.condition)).length);
  el("count-plants").textContent = String(state.plants.size);
  const own = all.filter(({ alert }) => alert.plant_id === state.plant);
  fill("plant-alerts", own.slice(0, 50).map((row) => alertItem({ ...row, isFresh: false })));
  for (const row of all) row.isFresh = false;
}

let isDrawPlanned = false;
function planLists() {
  if (isDrawPlanned) return;
  isDrawPlanned = true;
  setTimeout(() => { isDrawPlanned = false; showLists(); showStanding(); }, 120);
}

async function loadPlants() {
  const { rows, page } = await allPages("/v1/plants", { limit: 500 }, (p) => p.plants);
  state.plants = new Map(rows.map((plant) => [plant.plant_id, plant]));
  state.standing = page;
}

function span() {
  const alert = state.alert ? state.alerts.get(state.alert)?.alert : null;
  if (state.days === 0 && alert) {
    return [Date.parse(alert.first_slot_end) - 6 * 3600e3, Math.min(Date.parse(alert.last_slot_end) + 6 * 3600e3, Date.parse(alert.first_slot_end) + 14 * 86400e3)];
  }
  const end = state.standing?.data_as_of ? Date.parse(state.standing.data_as_of) : Date.now();
  return [end - (state.days || 1) * 86400e3, end];
}

async function showCurve() {
  if (!state.scope) return;
  const asked = state.scope, [from, to] = span();
  const body = await get(`/v1/scopes/${encodeURIComponent(asked)}/load`, { from: new Date(from).toISOString(), to: new Date(to).toISOString() });
  if (asked !== state.scope) return;
  const alert = state.alert ? state.alerts.get(state.alert)?.alert : null;
  const begin = alert ? Date.parse(alert.first_slot_end) : null;
  const onSlot = (slot) => showExplanation(asked, new Date(Date.parse(slot.slot_end) - body.slot_s * 1000).toISOString());
  drawCurve(el("curve"), body.slots, alert && alert.scope_id === asked ? { onSlot, alertFrom: begin, alertTo: Date.parse(alert.last_slot_end) } : { onSlot });
  drawLegend(el("legend"));
}

// Orders of the chosen plant; a plant that this reader does not see has none.
async function showOrders() {
  const asked = state.plant;
  el("orders").hidden = !state.plants.has(asked);
  if (el("orders").hidden) return;
  const body = await plantOrders(asked);
  if (asked === state.plant) drawOrders(el("plant-orders"), body, showExplanation);
}

function drawExplained() {
  const place = el("explanation");
  place.hidden = !state.explained;
  if (state.explained) drawExplanation(place, state.explained, () => hideExplanation(true));
}

// Why a scope has the cap it has at a time; null: now. The focus follows, and goes back when it is closed.
let askedFrom = null;
const showExplanation = guarded(async (scopeId, at) => {
  const plant = state.plant;
  askedFrom = document.activeElement;
  const body = await explanation(scopeId, at);
  if (plant !== state.plant) return;
  state.explained = body;
  drawExplained();
  el("explanation").querySelector("h4").focus();
});

function hideExplanation(backToAsker) {
  state.explained = null;
  drawExplained();
  if (backToAsker && askedFrom?.isConnected) askedFrom.focus();
}

function showSpans() {
  const choices = [[1, "day1"], [3, "day3"], [7, "day7"]].concat(state.alert ? [[0, "fit"]] : []);
  el("spans").replaceChildren(...choices.map(([days, name]) => {
    const button = make("button", "", word(name));
    button.type = "button";
    button.setAttribute("aria-pressed", String(state.days === days));
    button.addEventListener("click", () => { state.days = days; showSpans(); guarded(showCurve)(); });
    return button;
  }));
}

async function choose(plantId, alertId) {
  if (plantId !== state.plant || !state.explained) state.explained = null;
  drawExplained();
  Object.assign(state, { plant: plantId, alert: alertId, days: alertId ? 0 : state.days || 1 });
  const plant = state.plants.get(plantId);
  const alert = alertId ? state.alerts.get(alertId)?.alert : null;
  el("nothing").hidden = true;
  el("detail").hidden = false;
  el("plant-name").textContent = plant?.name ?? plantId ?? alert?.scope_id ?? "";
  el("plant-facts").textContent = plant ? [plant.county, plant.plant_id, plant.contract_kw ? `${word("contract")} ${number(plant.contract_kw, "kW")}` : null].filter(Boolean).join(" · ") : "";
  const scopes = plant?.scopes ?? [];
  state.scope = alert && scopes.some((s) => s.scope_id === alert.scope_id) ? alert.scope_id : scopes.some((s) => s.scope_id === plantId) ? plantId : scopes[0]?.scope_id ?? null;
  el("scope").replaceChildren(...scopes.map((s) => new Option(s.name, s.scope_id, false, s.scope_id === state.scope)));
  el("scope").hidden = scopes.length < 2;
  el("curve").replaceChildren();
  showSpans();
  showLists();
  await guarded(showCurve)();
  await guarded(showAlert)();
  await guarded(showOrders)();
}

async function showAlert() {
  const place = el("alert"), id = state.alert;
  place.hidden = !id;
  if (!id) return;
  const { body, etag } = await getTagged(`/v1/alerts/${encodeURIComponent(id)}`);
  if (id !== state.alert) return;
  const { alert, events } = body;
  place.className = `alert grade${alert.grade}${OPEN.has(alert.condition) ? "" : " over"}`;
  const facts = [
    ["order", alert.order_id ? `${alert.order_id} (${word("revision", { n: alert.order_revision })})` : "–"], ["first", time(alert.first_slot_end)], ["opened", time(alert.opened_at_slot_end)], ["last", time(alert.last_slot_end)],
    ["peak", number(alert.peak_kw, "kW")], ["cap", number(alert.cap_kw, "kW")], ["over", number(alert.energy_over_kwh, "kWh")], ["coverage", alert.coverage === null ? "–" : `${Math.round(alert.coverage * 100)} %`],
    ["baseline_version", alert.baseline_version ?? "–"], ["thresholds", Object.entries(alert.thresholds ?? {}).map(([k, v]) => `${k} ${typeof v === "object" ? JSON.stringify(v) : v}`).join(", ") || "–"],
  ];
  place.replaceChildren(
    make("div", "pills", make("b", "", label(alert.rule)), make("span", "pill", word(`grade${alert.grade}`)), pill(alert.condition), pill(alert.evidence), pill(alert.work)),
    make("p", "summary", summary(alert)),
    evidencePicture(alert),
    make("dl", "facts", ...facts.map(([name, value]) => make("div", "", make("dt", "", word(name)), make("dd", "", value)))),
    alert.work === "new" ? ackForm(alert, etag) : "",
    make("ol", "history", ...events.map((e) => make("li", "", make("span", "", time(e.occurred_at)), make("span", "", label(e.type)), make("span", "", e.actor ? `${e.actor}: ${e.reason}` : "")))),
  );
}

// What was measured, as the service draws it; an alert of a source has no load and no picture.
function evidencePicture(alert) {
  const place = make("figure", "evidence");
  place.hidden = true;
  guarded(async () => {
    const address = await pictureAddress(`/v1/alerts/${encodeURIComponent(alert.id)}/evidence.svg`, { lang: currentLanguage() });
    const picture = Object.assign(document.createElement("img"), { src: address, alt: summary(alert) });
    const save = Object.assign(make("a", "", word("save_picture")), { href: address, download: `${alert.rule}-${alert.id}.svg` });
    place.replaceChildren(picture, make("figcaption", "", save));
    place.hidden = false;
  })();
  return place;
}

function ackForm(alert, etag) {
  const form = make("form", "ack"), said = make("span", "said"), attempt = newAttempt();
  const field = (name) => Object.assign(document.createElement("input"), { name, required: true, placeholder: word(name), maxLength: name === "actor" ? 200 : 2000 });
  const button = make("button", "", word("acknowledge"));
  form.append(field("actor"), field("reason"), button, said);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const { body } = await acknowledge(alert.id, etag, form.elements.actor.value, form.elements.reason.value, attempt);
      keep(body.alert, false);
      showLists();
      await showAlert();
    } catch (error) {
      said.textContent = word(error.status === 412 ? "stale" : error.status === 409 ? "taken" : "failed");
      button.disabled = false;
      if (error.status === 412 || error.status === 409) setTimeout(guarded(showAlert), 1500);
    }
  });
  return form;
}

function keep(alert, raises) {
  const before = state.alerts.get(alert.id);
  state.alerts.set(alert.id, { alert, rank: before && !raises ? before.rank : (state.rank += 1), isFresh: raises });
}

async function follow(run) {
  await loadPlants();
  let after = (await get("/v1/alerts", { limit: 1 })).feed; // first: whatever comes while the list is read is then told again
  const { rows } = await allPages("/v1/alerts", { limit: 500 }, (p) => p.alerts, 4);
  for (const alert of rows.reverse()) keep(alert, false);
  planLists();
  let plantsAt = Date.now();
  while (run === state.running) {
    const feed = await get("/v1/alert-events", { after, limit: 500, wait: 5 }, run.signal);
    const asOf = state.standing?.data_as_of;
    for (const event of feed.events) keep(event.alert, RAISES.has(event.type));
    after = feed.next;
    state.standing = feed;
    state.away = false;
    planLists();
    if (feed.events.some((e) => e.alert.id === state.alert)) guarded(showAlert)();
    if (Date.now() - plantsAt > 3000) {
      plantsAt = Date.now();
      await loadPlants();
      planLists();
      if (asOf !== state.standing.data_as_of && state.days) guarded(showCurve)();
      if (asOf !== state.standing.data_as_of && state.plant) guarded(showOrders)();
    }
  }
}

// A failed request is shown, never swallowed: without a valid key the page asks again.
function guarded(work) {
  return async (...given) => {
    try {
      await work(...given);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.status === 401 || error.status === 403) { leave(word("refused")); return; }
      state.away = !error.status || error.status >= 500;
      showStanding();
    }
  };
}

async function start() {
  el("ask").hidden = true;
  el("work").hidden = false;
  el("forget").hidden = false;
  const run = new AbortController();
  state.running = run;
  while (run === state.running) {
    await guarded(follow)(run);
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

function leave(reason) {
  state.running?.abort();
  Object.assign(state, { running: null, alerts: new Map(), plants: new Map(), plant: null, scope: null, alert: null, standing: null, away: false, explained: null });
  forgetKey();
  el("work").hidden = true;
  el("forget").hidden = true;
  el("detail").hidden = true;
  el("nothing").hidden = false;
  el("ask").hidden = false;
  el("ask-refused").textContent = reason;
  showStanding();
}

function showWords() {
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = word(place.dataset.word);
  for (const place of document.querySelectorAll("[data-placeholder]")) place.placeholder = word(place.dataset.placeholder);
  el("language").textContent = word("language");
  showStanding();
  showLists();
  if (state.plant || state.alert) choose(state.plant, state.alert);
}

function chooseTab(name) {
  state.tab = name;
  for (const tab of ["alerts", "plants"]) {
    el(`tab-${tab}`).setAttribute("aria-selected", String(tab === name));
    el(tab).hidden = tab !== name;
  }
}

el("language").addEventListener("click", () => {
  setLanguage(currentLanguage() === "en" ? "zh" : "en");
  sessionStorage.setItem("cuofeng.language", currentLanguage());
  showWords();
});
el("forget").addEventListener("click", () => leave(""));
el("search").addEventListener("input", showLists);
el("open-only").addEventListener("change", showLists);
el("scope").addEventListener("change", () => { state.scope = el("scope").value; guarded(showCurve)(); });
for (const tab of ["alerts", "plants"]) el(`tab-${tab}`).addEventListener("click", () => chooseTab(tab));
document.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.matches?.(".list li")) event.target.click(); });
el("ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setKey(el("ask-key").value);
  el("ask-key").value = "";
  el("ask-refused").textContent = "";
  start();
});

takeKeyFromAddress();
addEventListener("hashchange", () => { takeKeyFromAddress(); if (hasKey() && !state.running) start(); });
setLanguage(sessionStorage.getItem("cuofeng.language") ?? (navigator.language.startsWith("zh") || !navigator.language ? "zh" : "en"));
showWords();
if (hasKey()) start();
else leave("");
