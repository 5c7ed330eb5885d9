// Draws a load curve as SVG: load, cap, baseline, and the verdict of each slot behind them. A null breaks the line.
import { label, word } from "./words.js";

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 920, HEIGHT = 346, LEFT = 58, RIGHT = 12, TOP = 24, BOTTOM = 34;

function node(name, attributes = {}, text) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  for (const step of [1, 1.5, 2, 3, 4, 5, 6, 8, 10]) if (value <= step * power) return step * power;
  return 10 * power;
}

// Runs of neighbouring slots for which `of` gives the same value other than null: [[first, last, value], ...].
export function runs(slots, of) {
  const found = [];
  slots.forEach((slot, i) => {
    const value = of(slot, i);
    const before = found[found.length - 1];
    if (value === null || value === undefined) return;
    if (before && before[1] === i - 1 && before[2] === value) before[1] = i;
    else found.push([i, i, value]);
  });
  return found;
}

// onSlot: called with a slot that was clicked, or chosen by Enter after moving with the arrow keys.
export function drawCurve(host, slots, { alertFrom = null, alertTo = null, onSlot = null } = {}) {
  host.replaceChildren();
  if (!slots.length) return;
  const highest = Math.max(1, ...slots.flatMap((s) => [s.load_kw ?? 0, s.cap_kw ?? 0, s.baseline_kw ?? 0]));
  const top = niceTop(highest * 1.06), inner = WIDTH - LEFT - RIGHT, low = HEIGHT - BOTTOM;
  const x = (edge) => LEFT + (inner * edge) / slots.length;
  const y = (kw) => low - ((low - TOP) * Math.max(0, kw)) / top;
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: onSlot ? "button" : "img", "aria-label": word(onSlot ? "curve_keys" : "load"), ...(onSlot ? { tabindex: 0 } : {}) });

  for (const [first, last, verdict] of runs(slots, (s) => s.verdict)) {
    const band = node("rect", { class: `band ${verdict}`, x: x(first), y: TOP, width: x(last + 1) - x(first), height: low - TOP });
    band.dataset.verdict = verdict;
    svg.append(band);
  }
  for (let i = 0; i <= 4; i += 1) {
    const kw = (top * i) / 4;
    svg.append(node("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(kw), y2: y(kw) }));
    svg.append(node("text", { class: "tick", x: LEFT - 8, y: y(kw) + 4, "text-anchor": "end" }, Number(kw.toPrecision(4)).toLocaleString("en")));
  }
  svg.append(node("text", { class: "unit", x: LEFT - 8, y: TOP - 13, "text-anchor": "end" }, "kW"));
  drawTimes(svg, slots, x, low);
  if (alertFrom !== null) {
    const first = slots.findIndex((s) => Date.parse(s.slot_end) >= alertFrom);
    const last = slots.findLastIndex((s) => Date.parse(s.slot_end) <= alertTo);
    if (first >= 0 && last >= first) svg.append(node("rect", { class: "span", x: x(first), y: TOP - 5, width: x(last + 1) - x(first), height: 4, rx: 2 }));
  }
  for (const [name, key] of [["baseline", "baseline_kw"], ["cap", "cap_kw"]]) {
    for (const [first, last] of runs(slots, (s) => (s[key] === null ? null : true))) {
      let path = "";
      for (let i = first; i <= last; i += 1) path += `${i === first ? "M" : "L"}${x(i)} ${y(slots[i][key])}L${x(i + 1)} ${y(slots[i][key])}`;
      svg.append(node("path", { class: name, d: path }));
    }
  }
  for (const [first, last] of runs(slots, (s) => (s.load_kw === null ? null : true))) {
    if (first === last) svg.append(node("circle", { class: "load-point", cx: x(first + 0.5), cy: y(slots[first].load_kw), r: 2.2 }));
    else {
      let path = "";
      for (let i = first; i <= last; i += 1) path += `${i === first ? "M" : "L"}${x(i + 0.5)} ${y(slots[i].load_kw)}`;
      svg.append(node("path", { class: "load", d: path }));
    }
  }
  addPointer(host, svg, slots, x, y, low, onSlot);
  host.prepend(svg);
}

function drawTimes(svg, slots, x, low) {
  const width = Date.parse(slots[1]?.slot_end) - Date.parse(slots[0].slot_end) || 900e3;
  const hours = (slots.length * width) / 3600e3;
  const every = hours <= 14 ? 2 : hours <= 30 ? 4 : hours <= 80 ? 12 : 24;
  slots.forEach((slot, i) => {
    const hour = Number(slot.slot_end.slice(11, 13)), minute = slot.slot_end.slice(14, 16);
    if (minute !== "00" || hour % every) return;
    const edge = x(i + 1);
    svg.append(node("line", { class: hour === 0 ? "midnight" : "grid", x1: edge, x2: edge, y1: TOP, y2: low }));
    if (edge < WIDTH - RIGHT - 8) svg.append(node("text", { class: "tick", x: edge, y: low + 15, "text-anchor": "middle" }, hour === 0 ? slot.slot_end.slice(5, 10) : slot.slot_end.slice(11, 16)));
  });
}

function addPointer(host, svg, slots, x, y, low, onSlot) {
  const line = node("line", { class: "pointer", y1: TOP, y2: low, visibility: "hidden" });
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "status");
  tip.hidden = true;
  svg.append(line);
  host.append(tip);
  let shown = -1;
  const show = (i) => {
    const box = svg.getBoundingClientRect(), slot = slots[i];
    shown = slot ? i : -1;
    line.setAttribute("visibility", slot ? "visible" : "hidden");
    tip.hidden = !slot;
    if (!slot) return;
    line.setAttribute("x1", x(i + 0.5));
    line.setAttribute("x2", x(i + 0.5));
    const kw = (value) => (value === null ? "–" : `${value.toLocaleString("en", { maximumFractionDigits: 1 })} kW`);
    const rows = [
      slot.slot_end.slice(5, 16).replace("T", " "),
      `${word("load")} ${slot.load_kw === null ? word("gap") : kw(slot.load_kw)}`,
      `${word("cap")} ${kw(slot.cap_kw)} · ${word("baseline")} ${kw(slot.baseline_kw)}`,
      `${label(slot.verdict)}${slot.reasons.length ? ` (${slot.reasons.map(label).join(", ")})` : ""}`,
    ];
    tip.replaceChildren(...rows.map((text) => Object.assign(document.createElement("div"), { textContent: text })));
    const left = (x(i + 0.5) / WIDTH) * box.width;
    tip.style.left = `${left > box.width / 2 ? Math.max(left - 214, 0) : left + 14}px`; // beside the pointer, not over what it shows
  };
  const slotUnder = (event) => {
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDTH;
    return Math.floor(((at - LEFT) / (WIDTH - LEFT - RIGHT)) * slots.length);
  };
  svg.addEventListener("pointermove", (event) => show(slotUnder(event)));
  svg.addEventListener("pointerleave", () => show(-1));
  if (!onSlot) return;
  svg.addEventListener("blur", () => show(-1));
  svg.addEventListener("click", (event) => { const slot = slots[slotUnder(event)]; if (slot) onSlot(slot); });
  svg.addEventListener("keydown", (event) => {
    const last = slots.length - 1, step = event.shiftKey ? 4 : 1;
    const moves = { ArrowLeft: shown < 0 ? last : shown - step, ArrowRight: shown < 0 ? 0 : shown + step, Home: 0, End: last };
    if (event.key in moves) { event.preventDefault(); show(Math.min(last, Math.max(0, moves[event.key]))); }
    if (event.key === "Escape") show(-1);
    if ((event.key === "Enter" || event.key === " ") && slots[shown]) { event.preventDefault(); onSlot(slots[shown]); }
  });
}

export function drawLegend(host) {
  const entries = [["line load", word("load")], ["line cap", word("cap")], ["line baseline", word("baseline")]]
    .concat(["compliant", "violating", "unknown", "grace", "exempt", "outage"].map((code) => [`swatch ${code}`, label(code)]));
  host.replaceChildren(...entries.map(([mark, text]) => {
    const entry = document.createElement("span"), sign = document.createElement("i");
    sign.className = mark;
    entry.append(sign, text);
    return entry;
  }));
}
