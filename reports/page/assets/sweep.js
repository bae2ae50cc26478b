"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const { css, plain, percent, plot, clear, page } = charts(data.start, data.end);
const count = data.runs.length, money = v => (v / 10 ** data.scale).toFixed(data.scale);
const shows = { int: v => v.toLocaleString("en"), ratio: v => v.toFixed(2), percent: v => percent(v), money, number: v => String(v) };
const show = (metric, v) => v === null || v === undefined ? "–" : Number.isFinite(v) ? shows[metric.kind](v) : "lost";
const el = (name, props = {}, ...children) => { const e = Object.assign(document.createElement(name), props); e.append(...children); return e };
const svg = (name, attributes = {}) => { const e = document.createElementNS("http://www.w3.org/2000/svg", name); for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v); return e };
const text = (axis, i) => data.axes[axis].values.length ? data.axes[axis].values[data.at[axis][i]] : String(data.at[axis][i]);
const bestAt = data.runs.indexOf(data.best), plateauAt = data.runs.indexOf(data.plateau);

// worth is a figure for a comparison: that of a bankrupt run is the worst there is, where
// what it had left makes none.
const broke = new Set(data.broke);
const worth = (metric, values) => i => metric.lost && broke.has(i) ? (metric.less ? Infinity : -Infinity) : values[i];

function median(list) {
  const v = list.filter(x => x !== null).sort((a, b) => a - b), n = v.length;
  return n ? (v[(n - 1) >> 1] + v[n >> 1]) / 2 : null; // of a bankrupt run it is infinite
}
function best(list, less) {
  const v = list.filter(x => x !== null);
  return v.length ? v.reduce((a, b) => (less ? b < a : b > a) ? b : a) : null;
}

// slots are where the runs fall on an axis: its values, or equal parts of a long or
// drawn one.
const most = 60;
const points = data.axes.reduce((n, a) => n * (a.values.length || Infinity), 1), sparse = points > 4 * count;
function slotsOf(axis) {
  const { values } = data.axes[axis], at = data.at[axis], few = Math.min(10, Math.max(3, Math.round(Math.sqrt(count) / 1.5)));
  const n = sparse ? few : most;
  if (values.length && values.length <= n) return { labels: values, of: i => at[i] };
  const low = values.length ? 0 : Math.min(...at), high = values.length ? values.length - 1 : Math.max(...at);
  const slot = v => Math.min(n - 1, Math.floor((v - low) / (high - low || 1) * n));
  const named = k => { const within = values.filter((_, i) => slot(i) === k); return within.length > 1 ? within[0] + "–" + within[within.length - 1] : within[0] };
  return { labels: [...Array(n).keys()].map(k => values.length ? named(k) : Number((low + (k + 0.5) * (high - low) / n).toPrecision(3)).toString()), of: i => slot(at[i]) };
}
const slots = data.axes.map((_, a) => slotsOf(a));

// ---- surfaces: a table for each pair of parameters

const metricBox = document.getElementById("metric"), overBox = document.getElementById("over");
data.metrics.forEach((m, i) => metricBox.append(el("option", { value: i, textContent: m.name, selected: m.key === data.objective })));

function surface(x, y) {
  const metric = data.metrics[metricBox.value], values = data.values[metricBox.value];
  const cells = slots[y].labels.map(() => slots[x].labels.map(() => []));
  for (let i = 0; i < count; i++) cells[slots[y].of(i)][slots[x].of(i)].push(i);
  const joined = cells.map(row => row.map(list => overBox.value === "best" ? best(list.map(worth(metric, values)), metric.less) : median(list.map(worth(metric, values)))));
  const known = joined.flat().filter(Number.isFinite), low = Math.min(...known), high = Math.max(...known), small = slots[x].labels.length > 12;
  const table = el("table", { className: "surface" + (small ? " small" : "") });
  const head = table.createTHead().insertRow();
  head.append(el("th", { scope: "col", textContent: data.axes[y].name + " ╲ " + data.axes[x].name }));
  for (const label of slots[x].labels) head.append(el("th", { scope: "col", textContent: label }));
  const body = table.createTBody();
  for (let r = slots[y].labels.length - 1; r >= 0; r--) {
    const tr = body.insertRow();
    tr.append(el("th", { scope: "row", textContent: slots[y].labels[r] }));
    joined[r].forEach((v, c) => {
      const td = tr.insertCell(), list = cells[r][c];
      td.textContent = list.length ? (small && metric.kind === "percent" && Number.isFinite(v) ? (100 * v).toFixed(0) : show(metric, v)) : "";
      td.title = `${data.axes[x].name}=${slots[x].labels[c]}, ${data.axes[y].name}=${slots[y].labels[r]}: ${show(metric, v)} (${list.length} ${list.length === 1 ? "run" : "runs"})`;
      if (Number.isFinite(v) && list.length) {
        const share = metric.sign ? Math.abs(v) / (Math.max(-low, high) || 1) : high > low ? (v - low) / (high - low) : 0.5;
        td.className = metric.sign ? (v < 0 ? "loss" : "gain") : metric.less ? "loss" : "gain";
        td.style.setProperty("--v", share.toFixed(2));
      }
      if (list.includes(bestAt)) td.classList.add("best");
      if (list.includes(plateauAt)) td.classList.add("plateau");
      if (list.length) td.addEventListener("click", () => pick(list[0]));
    });
  }
  return el("div", {}, el("h3", { textContent: `${data.axes[x].name} and ${data.axes[y].name}` }), el("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: `Surface of ${data.axes[x].name} and ${data.axes[y].name}` }, table));
}

function marginal(axis) {
  const metric = data.metrics[metricBox.value], values = data.values[metricBox.value], { labels, of } = slots[axis];
  const lists = labels.map(() => []);
  const valueOf = worth(metric, values), finite = v => Number.isFinite(v) ? v : null;
  for (let i = 0; i < count; i++) lists[of(i)].push(valueOf(i));
  const solvent = lists.map(l => l.filter(Number.isFinite));
  const middle = lists.map(l => finite(median(l))), top = solvent.map(l => best(l, metric.less)), worst = solvent.map(l => best(l, !metric.less));
  const known = [...top, ...worst].filter(v => v !== null);
  if (!known.length) return el("div", { textContent: "No values." });
  let low = Math.min(...known), high = Math.max(...known);
  if (low === high) { low -= 1; high += 1 }
  const width = 330, height = 170, left = 58, foot = 22, x = k => left + (k + 0.5) * (width - left) / labels.length, y = v => 8 + (high - v) / (high - low) * (height - foot - 14);
  const box = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${metric.name} by ${data.axes[axis].name}: ` + labels.map((l, k) => `${l} ${show(metric, middle[k])}`).join(", ") });
  if (low < 0 && high > 0) box.append(svg("line", { class: "rule", x1: left, x2: width, y1: y(0), y2: y(0) }));
  labels.forEach((label, k) => {
    if (top[k] === null) return;
    const bar = svg("line", { class: "span", x1: x(k), x2: x(k), y1: y(top[k]), y2: y(worst[k]) });
    const title = svg("title"); title.textContent = `${data.axes[axis].name}=${label}: median ${show(metric, middle[k])}, from ${show(metric, worst[k])} to ${show(metric, top[k])}`;
    bar.append(title); box.append(bar);
  });
  let d = "", pen = "M";
  middle.forEach((v, k) => { if (v === null) { pen = "M"; return } d += `${pen}${x(k).toFixed(1)} ${y(v).toFixed(1)}`; pen = "L" });
  box.append(svg("path", { class: "line", d }));
  middle.forEach((v, k) => { if (v !== null) box.append(svg("circle", { class: "sum", cx: x(k), cy: y(v), r: 3 })) });
  for (const v of [low, high]) { const t = svg("text", { x: 0, y: y(v) + 4 }); t.textContent = show(metric, v); box.append(t) }
  const every = Math.ceil(labels.length / 6);
  labels.forEach((label, k) => { if (k % every === 0) { const t = svg("text", { x: x(k), y: height - 5, "text-anchor": "middle" }); t.textContent = label; box.append(t) } });
  return el("div", {}, el("h3", { textContent: data.axes[axis].name + ": median, and from worst to best" }), box);
}

function surfaces() {
  const box = document.getElementById("surfaces"), pairs = [];
  for (let x = 0; x < data.axes.length; x++) for (let y = x + 1; y < data.axes.length; y++) pairs.push([x, y]);
  box.replaceChildren(...pairs.slice(0, 6).map(([x, y]) => surface(x, y)));
  if (pairs.length === 1) box.firstChild.className = "wide";
  if (pairs.length > 6) box.append(el("p", { className: "note wide", textContent: `The first 6 of ${pairs.length} pairs of parameters.` }));
  document.getElementById("marginals").replaceChildren(...data.axes.map((_, a) => marginal(a)));
}

// ---- parallel coordinates

const drawn = Math.min(count, 2000);
const tracks = [...data.axes.map((a, i) => track(a.name, data.at[i], v => a.values.length ? a.values[Math.round(v)] : String(Number(v.toPrecision(4))), a.values.length ? [0, a.values.length - 1] : null)),
  ...["max_drawdown", "trades", "total_return", data.objective].filter((k, i, all) => all.indexOf(k) === i || i === all.length - 1).filter((k, i, all) => all.lastIndexOf(k) === i).map(key => {
    const i = data.metrics.findIndex(m => m.key === key);
    return track(data.metrics[i].name, data.values[i], v => show(data.metrics[i], v), null);
  })];
let share = 100, chosen = bestAt;

function track(name, values, text, ends) {
  const known = values.filter(v => v !== null), [low, high] = ends || (known.length ? [Math.min(...known), Math.max(...known)] : [0, 1]);
  return { name, values, text, low, high: high > low ? high : low + 1, keep: null };
}

const lines = document.getElementById("lines"), canvas = el("canvas"), overlay = svg("svg", { role: "img" });
lines.append(canvas, overlay);
const top = 34, foot = 20;
const kept = i => i < Math.ceil(count * share / 100) && tracks.every(t => !t.keep || (t.values[i] !== null && t.values[i] >= t.keep[0] && t.values[i] <= t.keep[1]));
const place = (t, i, height) => t.values[i] === null ? null : top + (t.high - t.values[i]) / (t.high - t.low) * (height - top - foot);

function parallel() {
  const width = Math.max(lines.parentElement.clientWidth, tracks.length * 92), height = 330, ratio = devicePixelRatio;
  lines.style.width = width + "px"; lines.style.height = height + "px";
  canvas.width = width * ratio; canvas.height = height * ratio;
  const ctx = canvas.getContext("2d"), x = k => 46 + k * (width - 92) / (tracks.length - 1);
  ctx.scale(ratio, ratio);
  const accent = css("--accent"), soft = css("--soft"), warn = css("--warn");
  let n = 0;
  const stroke = (i, colour, wide, alpha) => {
    ctx.strokeStyle = colour; ctx.lineWidth = wide; ctx.globalAlpha = alpha; ctx.beginPath();
    let pen = false;
    tracks.forEach((t, k) => { const y = place(t, i, height); if (y === null) { pen = false; return } if (pen) ctx.lineTo(x(k), y); else ctx.moveTo(x(k), y); pen = true });
    ctx.stroke();
  };
  for (let i = count - 1; i >= 0; i--) {
    if (!kept(i)) continue;
    n++;
    if (i < drawn) { const rank = 1 - i / Math.max(count - 1, 1); stroke(i, rank > 0.9 ? accent : soft, rank > 0.9 ? 1.4 : 1, Math.max(0.08, Math.min(0.9, (0.15 + 0.85 * rank * rank) * Math.min(1, 200 / count + 0.25)))) }
  }
  if (chosen >= 0) stroke(chosen, warn, 2.5, 1);
  document.getElementById("parallel-count").textContent = `${n.toLocaleString("en")} of ${count.toLocaleString("en")} runs are kept; the strong line is run ${chosen >= 0 ? data.runs[chosen] : "–"}.`;
  overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
  overlay.setAttribute("aria-label", "Parallel coordinates of " + tracks.map(t => t.name).join(", "));
  overlay.replaceChildren();
  tracks.forEach((t, k) => {
    overlay.append(svg("line", { class: "rule", x1: x(k), x2: x(k), y1: top, y2: height - foot }));
    if (t.keep) { const [a, b] = t.keep.map(v => top + (t.high - v) / (t.high - t.low) * (height - top - foot)); overlay.append(svg("rect", { class: "keep", x: x(k) - 7, width: 14, y: b, height: Math.max(a - b, 2) })) }
    for (const [y, word, kind] of [[12, t.name, "amount"], [28, t.text(t.high), ""], [height - 5, t.text(t.low), ""]]) { const e = svg("text", { x: x(k), y, "text-anchor": "middle", class: kind }); e.textContent = word; overlay.append(e) }
    const hit = svg("rect", { class: "hit", x: x(k) - 22, width: 44, y: top, height: height - top - foot });
    hit.addEventListener("pointerdown", event => drag(event, t, height));
    overlay.append(hit);
  });
}

function drag(event, t, height) {
  event.preventDefault();
  const box = overlay.getBoundingClientRect(), value = e => t.high - (Math.min(Math.max((e.clientY - box.top) / box.height * height, top), height - foot) - top) / (height - top - foot) * (t.high - t.low);
  const from = value(event);
  const move = e => { const to = value(e); t.keep = [Math.min(from, to), Math.max(from, to)]; parallel() };
  const up = e => {
    removeEventListener("pointermove", move); removeEventListener("pointerup", up);
    if (Math.abs(value(e) - from) < (t.high - t.low) * 0.01) { t.keep = null; parallel() }
  };
  addEventListener("pointermove", move); addEventListener("pointerup", up);
}

const slider = document.getElementById("share");
slider.addEventListener("input", () => { share = Number(slider.value); document.getElementById("share-text").textContent = share + " %"; parallel() });
document.getElementById("all").addEventListener("click", () => { share = 100; slider.value = 100; document.getElementById("share-text").textContent = "100 %"; for (const t of tracks) t.keep = null; parallel() });

// ---- one run

function pick(i) {
  chosen = i;
  const box = document.getElementById("picked");
  box.hidden = false;
  box.querySelector("h3").textContent = `Run ${data.runs[i]}, rank ${i + 1}`;
  box.querySelector("code").textContent = data.command + data.axes.map((a, n) => ` --param ${a.name}=${text(n, i)}`).join("") + data.fixed;
  parallel();
}

function draw() {
  clear();
  if (data.curves.length) {
    const colour = i => `hsl(${(215 + i * 137.5) % 360} 62% 52%)`;
    const series = data.curves.map((c, i) => ({ label: c.name, stroke: colour(i), width: i ? 1.1 : 2.2, spanGaps: true, value: (u, v) => percent(v) }));
    const values = data.curves.map(c => [c.equity.t, c.equity.v]);
    plot("Return on the start balance, at the end of each day", 340, series, values.length > 1 ? uPlot.join(values) : values[0], percent);
  }
  surfaces();
  parallel();
}

for (const box of [metricBox, overBox]) box.addEventListener("change", surfaces);
let resizing;
addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(parallel, 80) });
page(draw);
tables(shows)(data.table, { name: "command", pick });
document.documentElement.dataset.ready = "yes";
})();
