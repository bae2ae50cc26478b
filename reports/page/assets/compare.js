"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const { percent, plot, clear, page } = charts(data.start, data.end);
const colour = i => `hsl(${(215 + i * 137.5) % 360} 62% 52%)`;

function draw() {
  clear();
  for (const [title, height, pick] of [["Return on the start balance", 320, r => [r.equity.t, r.equity.v.map(v => v === null ? null : v - 1)]], ["Drawdown", 170, r => [r.drawdown.t, r.drawdown.v]]]) {
    const series = data.runs.map((run, i) => ({ label: run.name, stroke: colour(i), width: 1.4, spanGaps: true, value: (u, v) => percent(v) }));
    plot(title, height, series, data.runs.length > 1 ? uPlot.join(data.runs.map(pick)) : pick(data.runs[0]), percent);
  }
}
page(draw);
document.documentElement.dataset.ready = "yes";
})();
