"use strict";
const $ = id => document.getElementById(id);
const key = () => sessionStorage.getItem("token") || "";
if (location.hash.startsWith("#token=")) {
  sessionStorage.setItem("token", decodeURIComponent(location.hash.slice(7)));
  history.replaceState(null, "", location.pathname);
}
const saved = localStorage.getItem("theme") || new URLSearchParams(location.search).get("theme");
if (saved) document.documentElement.dataset.theme = saved;
let state = null;

// Money is in the smallest unit of its currency; it is shown in the one people say.
function money(v, sign) {
  const scale = state.currency.scale, digits = String(Math.abs(v)).padStart(scale + 1, "0");
  const text = digits.slice(0, -scale || undefined) + (scale ? "." + digits.slice(-scale) : "");
  return (v < 0 ? "−" : sign && v > 0 ? "+" : "") + text;
}
const whole = v => v.toLocaleString("en-US").replace("-", "−");
const moment = t => t ? new Date(t).toISOString().slice(0, 19).replace("T", " ") : "";
const clock = t => t ? new Date(t).toISOString().slice(11, 19) : "";
const tone = v => v > 0 ? "gain" : v < 0 ? "loss" : "";
// plain makes text from outside safe to show: characters that change the direction of text,
// break a line or cannot be seen are shown by their codes, and a long text is cut.
const unseen = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]/gu;
const plain = (text, most = 300) => {
  const shown = String(text).slice(0, most).replace(unseen, c => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
  return String(text).length > most ? shown + "…" : shown;
};
function cell(text, name) { const td = document.createElement("td"); td.textContent = plain(text); if (name) td.className = name; return td; }
function row(...cells) { const tr = document.createElement("tr"); tr.append(...cells); return tr; }
function fill(id, rows, empty, columns) {
  const body = $(id).tBodies[0];
  if (!rows.length && empty) { const td = cell(empty, "text soft"); td.colSpan = columns; rows = [row(td)]; }
  body.replaceChildren(...rows);
}
function card(name, value, note, mood, id) {
  const div = document.createElement("div"); div.className = "card";
  for (const [kind, text] of [["key", name], ["value " + (mood || ""), value], ["note", note || " "]]) {
    const line = document.createElement("div"); line.className = kind; line.textContent = plain(text); div.append(line);
  }
  div.children[1].id = id;
  return div;
}

function show(s) {
  state = s;
  const m = s.state.margin, tripped = s.state.tripped, profit = m.Balance - s.start_balance, first = s.symbols[0];
  document.title = plain(`${money(m.Balance)} ${s.currency.major} · ${s.session}`);
  $("name").textContent = plain(s.session);
  $("status").textContent = tripped ? "stopped: " + plain(tripped, 40) : s.status;
  $("status").className = "badge " + (tripped ? "tripped" : s.status);
  const symbols = plain(s.symbols.map(x => x.symbol).join(", "));
  $("about").textContent = `${plain(s.strategy)} on ${symbols}, prices from ${plain(s.feed)}, ${moment(s.state.now)}`;
  $("clear").hidden = !tripped;
  const gaps = s.state.gaps || [];
  $("alert").hidden = !tripped;
  $("alert").textContent = tripped ? `New orders are refused: ${plain(tripped)}. Clear it when you know why.` : "";
  const held = m.Balance > 0 ? (m.InitMargin + m.MaintMargin) / m.Balance : 0;
  $("figures").replaceChildren(
    card(`Equity, ${s.currency.major}`, money(m.Balance), `wallet ${money(m.Wallet)}`, "", "f-equity"),
    card("Profit", money(profit, true), s.start_balance ? (100 * profit / s.start_balance).toFixed(3).replace("-", "−") + " %" : "", tone(profit), "f-profit"),
    card("Position", whole(first.position.Qty), first.position.Qty ? `entry ${first.position.EntryPrice}` : "flat", tone(first.position.Qty), "f-position"),
    card("Margin held", (100 * held).toFixed(2) + " %", `available ${money(m.Available)}`, held > 0.8 ? "loss" : "", "f-margin"),
    card("Orders", whole(s.counts.orders), `${s.counts.open_orders} open`, "", "f-orders"),
    card("Fills", whole(s.counts.fills), `${whole(s.state.events)} events`, "", "f-fills"));
  $("pricenow").textContent = plain(`${first.symbol} ${first.mid}`);
  $("equitynow").textContent = plain(`${money(m.Balance)} ${s.currency.major}`);
  book(first, s.open_orders || []);
  fill("positions", s.symbols.map(x => { const p = x.position; return row(cell(x.symbol, "text"), cell(whole(p.Qty), tone(p.Qty)), cell(p.EntryPrice || "–"), cell(p.MarkPrice || "–"),
    cell(money(p.Unrealised, true), tone(p.Unrealised)), cell(money(p.Realised, true), tone(p.Realised)), cell(money(p.Fees)), cell(money(p.Funding, true), tone(p.Funding)), cell(p.LiquidationPrice || "–")); }));
  const open = s.open_orders || [], fills = (s.fills || []).slice(0, 50);
  $("opencount").textContent = open.length; $("fillcount").textContent = whole(s.counts.fills);
  fill("orders", open.map(o => row(cell(o.client_id, "text"), cell(o.side, "text " + (o.side === "Buy" ? "gain" : "loss")), cell(whole(o.qty)), cell(o.price), cell(whole(o.filled)), cell(o.type, "text"))), "none", 6);
  fill("fills", fills.map(f => row(cell(clock(f.at), "text"), cell(f.side, "text " + (f.side === "Buy" ? "gain" : "loss")), cell(whole(f.qty)), cell(f.price), cell(money(f.fee)), cell(whole(f.position)))), "none yet", 6);
  $("mode").hidden = !s.mode || s.mode === "paper";
  $("mode").textContent = s.mode === "shadow" ? "real orders, simulated beside" : "real orders";
  venue(s.gap);
  const h = s.health, differences = s.state.differences || [];
  fill("health", [["Newest market event", h.quiet_seconds.toFixed(1) + " s ago", h.quiet_seconds > 10 ? "loss" : ""], ["Engine, newest batch", (1e3 * h.step_seconds).toFixed(2) + " ms"],
    ["Newest transaction", (1e3 * h.write_seconds).toFixed(2) + " ms"], ["Gaps", gaps.length ? `${s.state.gap_count}, the last until ${moment(gaps[gaps.length - 1].to)}` : "none", gaps.length ? "loss" : ""],
    ...(s.mode && s.mode !== "paper" ? [["Account", differences.length ? `${s.state.difference_count} differences, the last: ${differences[differences.length - 1].text}` : "as it was reported", differences.length ? "loss" : ""]] : []),
    ["Risk guard", tripped || "lets orders through", tripped ? "loss" : ""]].map(([k, v, mood]) => row(cell(k), cell(v, mood))));
  const log = $("log"), atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  log.textContent = (s.log || []).map(line => plain(brief(line), 2000)).join("\n");
  if (atEnd) log.scrollTop = log.scrollHeight;
  draw();
  document.body.dataset.ready = "yes";
}

// venue shows how far the simulator is from the venue.
function venue(g) {
  $("venue").hidden = !g;
  if (!g) return;
  $("gapcount").textContent = `the newest ${whole(g.orders)} orders`;
  const span = v => Math.abs(v) < 0.01 ? (1e3 * v).toFixed(2) + " ms" : Math.abs(v) < 10 ? (1e3 * v).toFixed(0) + " ms" : v.toFixed(1) + " s";
  const pair = (name, a, b) => row(cell(name, "text"), cell(a.count ? span(a.p50) : "–"), cell(b.count ? span(b.p50) : "–"), cell(a.count && b.count ? span(a.p50 - b.p50) : "–"));
  const rows = [pair("Answer, median", g.latency_seen, g.latency_modelled)];
  if (g.shadowed) rows.push(pair("First fill, median", g.venue_wait, g.simulator_wait),
    row(cell("Orders filled", "text"), cell(whole(g.filled_by_both + g.filled_by_venue)), cell(whole(g.filled_by_both + g.filled_by_simulator)), cell((100 * g.agreement).toFixed(1) + " % agree")),
    row(cell("Price, both filled", "text"), cell(""), cell(""), cell(g.price_bp.count ? g.price_bp.mean.toFixed(2) + " bp worse" : "–", g.price_bp.mean > 0 ? "loss" : "")),
    row(cell("Queue left at its fill", "text"), cell("0 %"), cell(g.queue_left.count ? (100 * g.queue_left.mean).toFixed(0) + " %" : "–"), cell(`${whole(g.filled_early)} filled early`)));
  fill("gap", rows);
}

// brief makes a line for people of a line for machines.
function brief(line) {
  try {
    const { time, level, msg, session, ...rest } = JSON.parse(line);
    return `${time.slice(11, 19)} ${level === "INFO" ? "" : level + " "}${msg}  ${Object.entries(rest).filter(([, v]) => v !== "").map(([k, v]) => `${k}=${v}`).join(" ")}`;
  } catch { return line; }
}

function book(x, open) {
  const ours = {};
  for (const o of open) if (o.symbol === x.symbol && o.leaves) ours[o.side + o.price] = (ours[o.side + o.price] || 0) + o.leaves;
  const asks = [...(x.asks || [])].reverse(), bids = x.bids || [], most = Math.max(1, ...asks.map(l => l.qty), ...bids.map(l => l.qty));
  const line = (l, side, name) => {
    const mine = ours[side + l.price], depth = cell(whole(l.qty), "depth");
    depth.style.setProperty("--share", 100 * l.qty / most + "%");
    const tr = row(cell(mine ? whole(mine) : "", "ours"), depth, cell(l.price, name === "bid" ? "gain" : "loss"));
    tr.className = name;
    return tr;
  };
  const mid = cell(x.mid || "no book"); mid.colSpan = 3;
  const middle = row(mid); middle.className = "mid";
  fill("book", [...asks.map(l => line(l, "Sell", "ask")), middle, ...bids.map(l => line(l, "Buy", "bid"))]);
}

function draw() {
  if (!state) return;
  const points = (state.curve || []).map(p => ({ t: Date.parse(p.at), price: p.price, equity: p.equity }));
  const style = getComputedStyle(document.documentElement), color = n => style.getPropertyValue(n).trim();
  const fills = (state.fills || []).filter(f => f.symbol === state.symbols[0].symbol).map(f => ({ t: Date.parse(f.at), v: Number(f.price), buy: f.side === "Buy" }));
  const lines = (state.open_orders || []).filter(o => o.symbol === state.symbols[0].symbol && Number(o.price) > 0).map(o => ({ v: Number(o.price), buy: o.side === "Buy" }));
  chart($("price"), points.filter(p => p.price > 0).map(p => ({ t: p.t, v: p.price })), color, { fills, lines, text: v => v.toLocaleString("en-US", { maximumFractionDigits: 2 }) });
  chart($("equity"), points.map(p => ({ t: p.t, v: p.equity })), color, { fills: [], lines: [], text: v => money(Math.round(v)) });
}

// steps are round numbers between two values.
function steps(low, high) {
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 5, 10].map(f => f * power).find(v => v >= rough);
  const list = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) list.push(v);
  return list;
}

function chart(canvas, points, color, { fills, lines, text }) {
  const ratio = devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight, c = canvas.getContext("2d");
  canvas.width = w * ratio; canvas.height = h * ratio;
  c.scale(ratio, ratio); c.font = "11px system-ui, sans-serif"; c.textBaseline = "middle";
  if (points.length < 2) { c.fillStyle = color("--soft"); c.fillText("waiting for prices", 8, h / 2); return; }
  const t0 = points[0].t, t1 = Math.max(points[points.length - 1].t, t0 + 1);
  fills = fills.filter(f => f.t >= t0);
  let low = Infinity, high = -Infinity;
  for (const p of [...points, ...fills]) { low = Math.min(low, p.v); high = Math.max(high, p.v); }
  const pad = (high - low) * 0.08 || Math.abs(high) * 1e-4 || 1; low -= pad; high += pad;
  c.fillStyle = color("--soft");
  const ticks = steps(low, high), right = Math.max(78, ...ticks.map(v => c.measureText(text(v)).width + 12)), bottom = 18;
  const x = t => (t - t0) / (t1 - t0) * (w - right), y = v => (high - v) / (high - low) * (h - bottom);
  c.strokeStyle = color("--grid"); c.lineWidth = 1;
  for (const v of ticks) { c.beginPath(); c.moveTo(0, y(v)); c.lineTo(w - right, y(v)); c.stroke(); c.fillText(text(v), w - right + 6, Math.max(7, y(v))); }
  const day = t1 - t0 > 86400e3;
  for (const f of [0, 0.5, 1]) {
    const at = new Date(t0 + (t1 - t0) * f).toISOString();
    c.textAlign = f === 0 ? "left" : f === 1 ? "right" : "center";
    c.fillText(day ? at.slice(5, 16).replace("T", " ") : at.slice(11, 19), (w - right) * f, h - 8);
  }
  c.textAlign = "left";
  c.save(); c.beginPath(); c.rect(0, 0, w - right, h - bottom); c.clip();
  for (const l of lines) { c.strokeStyle = color(l.buy ? "--gain" : "--loss"); c.globalAlpha = 0.45; c.setLineDash([4, 4]); c.beginPath(); c.moveTo(0, y(l.v)); c.lineTo(w, y(l.v)); c.stroke(); }
  c.globalAlpha = 1; c.setLineDash([]);
  c.strokeStyle = color("--accent"); c.lineWidth = 1.5; c.beginPath();
  points.forEach((p, i) => i ? c.lineTo(x(p.t), y(p.v)) : c.moveTo(x(p.t), y(p.v)));
  c.stroke();
  for (const f of fills) {
    const px = x(f.t), py = y(f.v), d = f.buy ? 5 : -5;
    c.fillStyle = color(f.buy ? "--gain" : "--loss"); c.beginPath(); c.moveTo(px, py); c.lineTo(px - 4, py + 1.6 * d); c.lineTo(px + 4, py + 1.6 * d); c.fill();
  }
  c.restore();
}

function ask(request, question) {
  $("question").textContent = question;
  $("tokenrow").hidden = key() !== "";
  $("token").value = "";
  $("ask").onclose = async () => {
    if ($("ask").returnValue !== "yes") return;
    const token = key() || $("token").value.trim();
    const answer = await fetch("api/" + request, { method: "POST", headers: { Authorization: "Bearer " + token } });
    if (answer.ok) { sessionStorage.setItem("token", token); return; }
    sessionStorage.removeItem("token");
    $("alert").hidden = false;
    $("alert").textContent = plain((await answer.json()).error);
  };
  $("ask").returnValue = "";
  $("ask").showModal();
}
const actions = {
  kill: () => ask("kill", "Cancel all orders and refuse new ones until it is cleared?"),
  flatten: () => ask("flatten", "Cancel all orders and close all positions at the market?"),
  clear: () => ask("clear", "Let orders through again?"),
  theme: () => {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", document.documentElement.dataset.theme);
    draw();
  },
};
for (const name of Object.keys(actions)) $(name).onclick = actions[name];
addEventListener("keydown", e => {
  if (e.ctrlKey || e.metaKey || e.altKey || $("ask").open || e.target.tagName === "INPUT") return;
  const name = { k: "kill", f: "flatten", c: "clear", t: "theme" }[e.key];
  if (name && !$(name).hidden) { e.preventDefault(); actions[name](); }
});
addEventListener("resize", draw);

let patience = 250;
function listen() {
  const ws = new WebSocket(location.origin.replace("http", "ws") + "/api/stream" + (key() ? "?token=" + encodeURIComponent(key()) : ""));
  ws.onmessage = e => { patience = 250; show(JSON.parse(e.data)); };
  ws.onclose = () => {
    $("status").textContent = "connection lost"; $("status").className = "badge lost";
    setTimeout(listen, patience); patience = Math.min(2 * patience, 5000);
  };
}
listen();
