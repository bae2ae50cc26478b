"use strict";
// Charts that share one scale of time, and what every page needs of numbers. It is
// given the first and last second and draws into #plots.
const charts = (start, end) => {
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const plain = v => v === null || v === undefined ? "–" : Number(v.toPrecision(8)).toLocaleString("en", { maximumFractionDigits: 10 });
const percent = v => v === null || v === undefined ? "–" : (100 * v).toFixed(2) + " %";
const pad = n => String(n).padStart(2, "0");
function clock(t, short) {
  const d = new Date(t * 1000), day = d.getUTCFullYear() + "-" + pad(d.getUTCMonth() + 1) + "-" + pad(d.getUTCDate());
  const ms = d.getUTCMilliseconds();
  return day + " " + pad(d.getUTCHours()) + ":" + pad(d.getUTCMinutes()) + (short ? "" : ":" + pad(d.getUTCSeconds()) + (ms ? "." + String(ms).padStart(3, "0") : ""));
}

const plots = [];
let range = [start, Math.max(end, start + 1)], moving = false;

function setRange(from, to) {
  const whole = Math.max(end - start, 1), least = Math.min(whole, Math.max(whole / 2000, 0.5));
  const length = Math.min(Math.max(to - from, least), whole);
  from = Math.min(Math.max(from, start), start + whole - length);
  range = [from, from + length];
  moving = true;
  for (const p of plots) p.setScale("x", { min: range[0], max: range[1] });
  moving = false;
  told();
}

function told() { document.getElementById("range").textContent = clock(range[0], true) + " to " + clock(range[1], true) + " UTC" }

// What an axis of time says, by the distance of its ticks: then what it says below
// where a year, a day or a minute begins.
const clockFaces = [
  [31536000, "{YYYY}", null, null, null, null, null, null, 1],
  [2419200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
  [0.001, "{ss}.{fff}", "\n{D} {MMM} {YYYY} {HH}:{mm}", null, "\n{D} {MMM} {HH}:{mm}", null, "\n{HH}:{mm}", null, 1],
];

function axes(format) {
  const ink = css("--soft"), grid = { stroke: css("--grid"), width: 1 }, ticks = { stroke: css("--line"), width: 1 };
  return [{ stroke: ink, grid, ticks, values: clockFaces }, { stroke: ink, grid, ticks, size: 80, space: (u, axis, low, high, length) => length < 100 ? 16 : 32, values: (u, list) => list.map(format) }];
}

function options(title, height, series, format, extra) {
  return Object.assign({
    width: width(), height, tzDate: t => uPlot.tzDate(new Date(t * 1e3), "Etc/UTC"),
    scales: { x: { time: true, min: range[0], max: range[1] } },
    series: [{ value: (u, t) => t === null ? "–" : clock(t) + " UTC" }, ...series], axes: axes(format),
    // The others follow the pointer, and not what is dragged: setRange moves them.
    cursor: { sync: { key: "dunamis", setSeries: false, filters: { pub: type => type === "mousemove" || type === "mouseleave" } }, drag: { x: true, y: false }, bind: { dblclick: () => () => { setRange(start, end); return null } } },
    hooks: { setScale: [(u, key) => { if (key !== "x") return; u.root.dataset.range = u.scales.x.min + " " + u.scales.x.max; if (!moving) setRange(u.scales.x.min, u.scales.x.max) }], draw: (extra && extra.drawn) || [] },
  }, extra && extra.y ? { scales: { x: { time: true, min: range[0], max: range[1] }, y: extra.y } } : {});
}

const width = () => Math.max(document.getElementById("plots").clientWidth, 200);

function plot(title, height, series, values, format, extra) {
  const box = document.createElement("div");
  box.className = "plot";
  box.tabIndex = 0;
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", title + ". " + summary(values[1], format));
  const head = document.createElement("h3");
  head.textContent = title;
  box.append(head);
  document.getElementById("plots").append(box);
  box.addEventListener("keydown", keys);
  const u = new uPlot(options(title, height, series, format, extra), values, box);
  wheel(u, box);
  for (const th of box.querySelectorAll(".u-legend th")) th.scope = "row";
  plots.push(u);
}

function summary(values, format) {
  const known = values.filter(v => v !== null);
  if (!known.length) return "No values.";
  let low = known[0], high = known[0];
  for (const v of known) { if (v < low) low = v; if (v > high) high = v }
  return "From " + format(known[0]) + " to " + format(known[known.length - 1]) + ", least " + format(low) + ", most " + format(high) + ".";
}

// Ways to another range: keys with a chart in focus, and buttons for fingers.
function move(name) {
  const [from, to] = range, length = to - from, step = length / 5;
  const moves = { in: [from + step, to - step], out: [from - step * 5 / 3, to + step * 5 / 3], back: [from - step, to - step], on: [from + step, to + step],
    first: [start, start + length], last: [end - length, end], whole: [start, end] };
  setRange(...moves[name]);
}
const keyMoves = { "+": "in", "=": "in", "-": "out", ArrowLeft: "back", ArrowRight: "on", Home: "first", End: "last", "0": "whole" };

function keys(event) {
  const name = keyMoves[event.key];
  if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  move(name);
}

// A wheel turns the page, unless the chart is in focus or Ctrl is held: then it zooms
// around the pointer. Sideways it moves.
function wheel(u, box) {
  u.over.addEventListener("wheel", event => {
    const [from, to] = range, length = to - from, sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!sideways && !event.ctrlKey && !event.metaKey && !box.contains(document.activeElement)) return;
    event.preventDefault();
    if (sideways) { const by = length * event.deltaX / 800; setRange(from + by, to + by); return }
    const factor = Math.exp(Math.max(-1, Math.min(1, event.deltaY / 300))), share = (event.clientX - u.over.getBoundingClientRect().left) / u.over.clientWidth;
    const at = from + share * length;
    setRange(at - share * length * factor, at + (1 - share) * length * factor);
  }, { passive: false });
}

function clear() {
  for (const p of plots) p.destroy();
  plots.length = 0;
  document.getElementById("plots").replaceChildren();
}

// page wires what every page has: the theme, the button for the whole time, resizing.
function page(draw) {
  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("dunamis-theme", root.dataset.theme) } catch { /* no storage */ }
    draw();
  });
  told();
  // What is printed is light, whatever the screen is.
  let theme;
  addEventListener("beforeprint", () => { theme = document.documentElement.dataset.theme; document.documentElement.dataset.theme = "light"; draw() });
  addEventListener("afterprint", () => { if (theme) document.documentElement.dataset.theme = theme; else delete document.documentElement.dataset.theme; draw() });
  for (const b of document.querySelectorAll("[data-move]")) b.addEventListener("click", () => move(b.dataset.move));
  let resizing;
  addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(() => { for (const p of plots) p.setSize({ width: width(), height: p.height }) }, 80) });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
}

return { css, plain, percent, clock, plot, clear, page, setRange, range: () => range };
};
