"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const money = v => (v / 10 ** data.scale).toFixed(data.scale);
const { css, plain, percent, clock, plot, clear, page, setRange, range: span } = charts(data.start, data.end);
let currency = 0;

// Candles and the marks of fills are drawn by hooks of the price chart.
function drawCandles(u) {
  const range = span(), c = data.candles, ctx = u.ctx, up = css("--gain"), down = css("--loss");
  const wide = Math.max(1, Math.abs(u.valToPos(data.start + data.width, "x", true) - u.valToPos(data.start, "x", true)) * 0.7);
  ctx.save();
  ctx.beginPath(); ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height); ctx.clip();
  const thick = Math.min(wide, 14 * devicePixelRatio), line = Math.max(1, Math.min(devicePixelRatio, thick / 3));
  for (let i = 0; i < c.t.length; i++) {
    if (c.t[i] + data.width < range[0] || c.t[i] > range[1]) continue;
    const x = u.valToPos(c.t[i] + data.width / 2, "x", true);
    const [o, h, l, k] = [c.o[i], c.h[i], c.l[i], c.c[i]].map(v => u.valToPos(v, "y", true));
    ctx.fillStyle = c.c[i] >= c.o[i] ? up : down;
    ctx.fillRect(x - line / 2, h, line, Math.max(l - h, 1));
    if (thick > 2) ctx.fillRect(x - thick / 2, Math.min(o, k), thick, Math.max(Math.abs(k - o), line));
  }
  ctx.restore();
}

function drawMarks(u) {
  const range = span(), m = data.marks, ctx = u.ctx, size = 5 * devicePixelRatio;
  let shown = 0;
  for (let i = 0; i < m.t.length; i++) if (m.t[i] >= range[0] && m.t[i] <= range[1]) shown++;
  ctx.save();
  ctx.beginPath(); ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height); ctx.clip();
  ctx.globalAlpha = shown > 1500 ? 0.25 : shown > 300 ? 0.55 : 0.95;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (let i = 0; i < m.t.length; i++) {
    if (m.t[i] < range[0] || m.t[i] > range[1]) continue;
    const x = u.valToPos(m.t[i], "x", true), y = u.valToPos(m.p[i], "y", true), side = m.q[i] > 0 ? 1 : -1;
    ctx.strokeStyle = ctx.fillStyle = css(m.k[i] === 3 ? "--warn" : side > 0 ? "--gain" : "--loss");
    ctx.beginPath();
    if (m.k[i] >= 2) { ctx.moveTo(x - size, y - size); ctx.lineTo(x + size, y + size); ctx.moveTo(x - size, y + size); ctx.lineTo(x + size, y - size); ctx.stroke(); continue }
    ctx.moveTo(x, y); ctx.lineTo(x - size, y + side * size * 1.8); ctx.lineTo(x + size, y + side * size * 1.8); ctx.closePath();
    if (m.k[i] === 0) ctx.fill(); else ctx.stroke();
  }
  ctx.restore();
}

function step(line) { return [line.t, line.v] }
const tall = () => innerWidth < 600 ? 0.7 : 1;

function draw() {
  clear();
  const c = data.candles, curve = data.curves[currency], unit = curve.currency, accent = css("--accent");
  if (c.t.length) {
    const middle = c.t.map(t => t + data.width / 2);
    const candleRange = (u, min, max) => {
      const range = span();
      let low = Infinity, high = -Infinity;
      for (let i = 0; i < c.t.length; i++) if (c.t[i] + data.width >= range[0] && c.t[i] <= range[1]) { low = Math.min(low, c.l[i]); high = Math.max(high, c.h[i]) }
      if (low > high) return [min, max];
      const air = (high - low) * 0.08 || high * 0.001 || 1;
      return [low - air, high + air];
    };
    const hidden = { paths: () => null, points: { show: false } };
    plot("Price and fills", 340 * tall(), [
      { label: "open", ...hidden, value: (u, v) => plain(v) }, { label: "high", ...hidden, value: (u, v) => plain(v) },
      { label: "low", ...hidden, value: (u, v) => plain(v) }, { label: "close", ...hidden, stroke: accent, value: (u, v) => plain(v) },
    ], [middle, c.o, c.h, c.l, c.c], plain, { y: { range: candleRange }, drawn: [drawCandles, drawMarks] });
  }
  plot("Position, contracts", 120 * tall(), [{ label: "contracts", stroke: accent, width: 1, fill: accent + "33", paths: uPlot.paths.stepped({ align: 1 }), value: (u, v) => plain(v) }],
    step(data.position), plain);
  const lines = uPlot.join([[curve.equity.t, curve.equity.v], [curve.coin.t, curve.coin.v], [curve.quote.t, curve.quote.v]].filter(l => l[0].length));
  const series = [{ label: "equity", stroke: accent, width: 1.6, spanGaps: true, value: (u, v) => plain(v) }];
  if (curve.coin.t.length) {
    const coin = data.curves.length > 1 ? coinName() : "coin";
    series.push({ label: "holding " + coin, stroke: css("--coin"), width: 1, dash: [5, 3], spanGaps: true, value: (u, v) => plain(v) },
      { label: "holding " + quoteName(), stroke: css("--quote"), width: 1, dash: [2, 3], spanGaps: true, value: (u, v) => plain(v) });
  }
  plot("Equity, " + unit, 260 * tall(), series, lines, plain);
  plot("Drawdown in " + unit, 130 * tall(), [{ label: "below the peak", stroke: css("--loss"), width: 1, fill: css("--loss") + "2b", value: (u, v) => percent(v) }],
    [curve.drawdown.t, curve.drawdown.v], percent);
}

const coinName = () => data.inverse ? data.own : data.other, quoteName = () => data.inverse ? data.other : data.own;

function buttons() {
  const box = document.getElementById("currencies");
  if (data.curves.length < 2) return;
  data.curves.forEach((curve, i) => {
    const b = document.createElement("button");
    b.type = "button";
    b.textContent = curve.currency;
    b.setAttribute("aria-pressed", String(i === currency));
    b.addEventListener("click", () => {
      currency = i;
      for (const [j, other] of [...box.children].entries()) other.setAttribute("aria-pressed", String(j === i));
      draw();
    });
    box.append(b);
  });
}

// ---- tables that sort, filter and page

const shows = {
  time: v => clock(v), money, int: v => v.toLocaleString("en"), price: v => v === 0 ? "" : plain(v),
};

function table(spec) {
  const box = document.querySelector(`[data-table=${spec.id}]`), count = spec.columns[0].values.length, page = 50;
  if (!count) { box.textContent = "None."; return }
  let rows = [...Array(count).keys()], at = 0, sorted = { column: 0, down: false }, wanted = "";
  const text = (c, i) => c.kind === "text" ? c.words[c.values[i]] : shows[c.kind](c.values[i]);
  const tools = document.createElement("div"), filter = document.createElement("input"), back = document.createElement("button"), on = document.createElement("button"), where = document.createElement("span");
  tools.className = "tools noprint";
  filter.type = "search"; filter.placeholder = "filter, such as sell or 2020-03-12"; filter.setAttribute("aria-label", "Filter " + spec.id);
  back.type = on.type = "button"; back.textContent = "‹ back"; on.textContent = "on ›"; where.setAttribute("aria-live", "polite");
  tools.append(filter, back, on, where);
  const scroll = document.createElement("div"), t = document.createElement("table"), head = t.createTHead().insertRow(), body = t.createTBody();
  scroll.className = "scroll"; scroll.append(t);
  const heads = spec.columns.map((c, n) => {
    const th = document.createElement("th"), b = document.createElement("button");
    th.scope = "col"; th.className = c.kind; b.type = "button"; b.textContent = c.name;
    b.addEventListener("click", () => { sorted = { column: n, down: sorted.column === n && !sorted.down }; sort(); at = 0; show() });
    th.append(b); head.append(th);
    return th;
  });
  function sort() {
    const v = spec.columns[sorted.column].values, sign = sorted.down ? -1 : 1;
    rows.sort((a, b) => sign * (v[a] - v[b]) || a - b);
    heads.forEach((th, n) => n === sorted.column ? th.setAttribute("aria-sort", sorted.down ? "descending" : "ascending") : th.removeAttribute("aria-sort"));
  }
  function search() {
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    rows = [...Array(count).keys()].filter(i => {
      const line = spec.columns.map(c => text(c, i)).join(" ").toLowerCase();
      return words.every(w => line.includes(w));
    });
    sort(); at = 0; show();
  }
  function show() {
    body.replaceChildren();
    for (const i of rows.slice(at, at + page)) {
      const tr = body.insertRow();
      for (const c of spec.columns) { const td = tr.insertCell(); td.textContent = text(c, i); if (c.kind === "text") td.className = "text" }
    }
    back.disabled = at === 0; on.disabled = at + page >= rows.length;
    where.textContent = rows.length ? `${(at + 1).toLocaleString("en")}–${Math.min(at + page, rows.length).toLocaleString("en")} of ${rows.length.toLocaleString("en")}` : "nothing matches";
  }
  back.addEventListener("click", () => { at = Math.max(0, at - page); show() });
  on.addEventListener("click", () => { at += page; show() });
  let waiting;
  filter.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(() => { wanted = filter.value; search() }, 120) });
  box.append(tools, scroll);
  if (spec.total > count) { const p = document.createElement("p"); p.className = "note"; p.textContent = `The first ${count.toLocaleString("en")} of ${spec.total.toLocaleString("en")}; ${spec.file} has them all.`; box.append(p) }
  sort(); show();
}

// ---- the page

for (const b of document.querySelectorAll(".jump")) b.addEventListener("click", () => {
  const from = Number(b.dataset.from), to = Number(b.dataset.to), air = (to - from) * 0.15 + 1;
  setRange(from - air, to + air);
  document.getElementById("chart").scrollIntoView();
});
document.getElementById("marks-note").textContent = data.marks.t.length ? "Filled triangles open or add, hollow ones close, crosses are stops and liquidations" + (data.merged ? "; fills of the same side within a candle are drawn as one." : ".") : "";
buttons();
page(draw);
for (const spec of data.tables) table(spec);
document.documentElement.dataset.ready = "yes";
})();
