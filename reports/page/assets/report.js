"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const money = v => (v / 10 ** data.scale).toFixed(data.scale);
const { css, plain, percent, clock, plot, clear, page, setRange, range: span } = charts(data.start, data.end);

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
  const range = span(), m = data.marks, ctx = u.ctx, size = (innerWidth < 600 ? 3.5 : 5) * devicePixelRatio;
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
  const c = data.candles, accent = css("--accent");
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
  plot("Position, contracts", 125, [{ label: "contracts", stroke: accent, width: 1, fill: accent + "33", paths: uPlot.paths.stepped({ align: 1 }), value: (u, v) => plain(v) }],
    step(data.position), plain);
  if (data.exposure.t.length) plot("Exposure, value of the position / equity", 125, [{ label: "of the equity", stroke: accent, width: 1, fill: accent + "22", value: (u, v) => percent(v) }], step(data.exposure), percent);
  data.curves.forEach(equity);
  const falls = data.curves.map(c => [c.drawdown.t, c.drawdown.v]), colours = [css("--loss"), css("--coin")];
  plot("Drawdown", 150, data.curves.map((c, i) => ({ label: "in " + c.currency, stroke: colours[i], width: 1, fill: i ? undefined : colours[0] + "2b", spanGaps: true, value: (u, v) => percent(v) })),
    falls.length > 1 ? uPlot.join(falls) : falls[0], percent);
}

// equity draws one currency: the account, and holding either currency.
function equity(curve) {
  const lines = uPlot.join([[curve.equity.t, curve.equity.v], [curve.coin.t, curve.coin.v], [curve.quote.t, curve.quote.v]].filter(l => l[0].length));
  const series = [{ label: "equity", stroke: css("--accent"), width: 1.6, spanGaps: true, value: (u, v) => plain(v) }];
  if (curve.coin.t.length) series.push({ label: "holding " + (data.inverse ? data.own : data.other), stroke: css("--coin"), width: 1, dash: [5, 3], spanGaps: true, value: (u, v) => plain(v) },
    { label: "holding " + (data.inverse ? data.other : data.own), stroke: css("--quote"), width: 1, dash: [2, 3], spanGaps: true, value: (u, v) => plain(v) });
  plot("Equity, " + curve.currency, 230 * tall(), series, lines, plain);
}

// ---- the page

for (const b of document.querySelectorAll(".jump")) b.addEventListener("click", () => {
  const from = Number(b.dataset.from), to = Number(b.dataset.to), air = (to - from) * 0.15 + 1;
  setRange(from - air, to + air);
  document.getElementById("chart").scrollIntoView();
});
document.getElementById("marks-note").textContent = data.marks.t.length ? "Filled triangles open or add, hollow ones close, crosses are stops and liquidations" + (data.merged ? "; fills of the same side within a candle are drawn as one." : ".") : "";
page(draw);
const table = tables({ time: v => clock(v), money, int: v => v.toLocaleString("en"), price: v => v === 0 ? "" : plain(v) });
for (const spec of data.tables) table(spec);
document.documentElement.dataset.ready = "yes";
})();
