"use strict";
// Tables that sort, filter and page. It is given how each kind of column is shown; a
// table with a choice has a button in each row, which calls it with the row's place.
const tables = shows => (spec, choice) => {
  const box = document.querySelector(`[data-table=${spec.id}]`), count = spec.columns[0].values.length, page = 50;
  if (!count) { box.textContent = "None."; return }
  let rows = [...Array(count).keys()], at = 0, sorted = { column: 0, down: false }, wanted = "";
  const text = (c, i) => c.values[i] === null ? "–" : c.kind === "text" ? c.words[c.values[i]] : shows[c.kind](c.values[i]);
  const tools = document.createElement("div"), filter = document.createElement("input"), back = document.createElement("button"), on = document.createElement("button"), where = document.createElement("span");
  tools.className = "tools noprint";
  filter.type = "search"; filter.placeholder = spec.hint || "filter, such as sell or 2020-03-12"; filter.setAttribute("aria-label", "Filter " + spec.id);
  back.type = on.type = "button"; back.textContent = "‹ back"; on.textContent = "on ›"; where.setAttribute("aria-live", "polite");
  tools.append(filter, back, on, where);
  const scroll = document.createElement("div"), t = document.createElement("table"), head = t.createTHead().insertRow(), body = t.createTBody();
  scroll.className = "scroll"; scroll.tabIndex = 0; scroll.setAttribute("role", "region"); scroll.setAttribute("aria-label", "Table of " + spec.id); scroll.append(t);
  const heads = spec.columns.map((c, n) => {
    const th = document.createElement("th"), b = document.createElement("button");
    th.scope = "col"; th.className = c.kind; b.type = "button"; b.textContent = c.name;
    b.addEventListener("click", () => { sorted = { column: n, down: sorted.column === n && !sorted.down }; sort(); at = 0; show() });
    th.append(b); head.append(th);
    return th;
  });
  if (choice) head.append(document.createElement("td"));
  function sort() { // what has no value comes last, either way
    const v = spec.columns[sorted.column].values, sign = sorted.down ? -1 : 1;
    rows.sort((a, b) => (v[a] === null) - (v[b] === null) || sign * (v[a] - v[b]) || a - b);
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
      if (!choice) continue;
      const b = document.createElement("button");
      b.type = "button"; b.textContent = choice.name; b.className = "noprint"; b.setAttribute("aria-label", choice.name + " " + text(spec.columns[0], i));
      b.addEventListener("click", () => choice.pick(i));
      tr.insertCell().append(b);
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
};
