"use strict";
// The table of all accounts. What is data is only ever set as text, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (selector) => document.querySelector(selector);
const table = $("#table"), scroller = $(".scroller"), input = $("#text");
const heads = [...table.querySelectorAll("thead th")];
const chips = [...document.querySelectorAll(".chips button")];
const ORDER = ["FAILED", "WAITING", "READY", "IGNORED"];
const GLYPH = { READY: "✓", WAITING: "…", FAILED: "✕", IGNORED: "–" };
const FINE = "kcn";

const rows = data.rows.map((it, index) => {
  const [account, region, name, bucket, status, owner, outcomes, code, message, remedy, since, changed, notes] = it;
  const listed = outcomes === "" ? [] : data.columns.map((control, at) => [control, outcomes[at]]);
  const applies = listed.filter(([, letter]) => letter !== "n");
  const bad = listed.filter(([, letter]) => !FINE.includes(letter));
  return {
    index, account, region, name, bucket, status, owner, listed, bad, code, message, remedy, since, changed, notes,
    applies: applies.length,
    good: applies.length - bad.length,
    text: [account, region, `${account}/${region}`, name, bucket, status, owner, code, message,
      ...bad.map(([control, letter]) => `${control}=${data.outcomes[letter]}`),
      ...(listed.length || status === "IGNORED" ? [] : data.columns.map((control) => `${control}=MISSING`)),
    ].join("\n").toLowerCase(),
  };
});

// ---- which rows, in which order

const KEYS = {
  status: (row) => ORDER.indexOf(row.status),
  account: (row) => (row.name || row.account).toLowerCase(),
  region: (row) => row.region,
  code: (row) => row.code || "\uffff", // those without a reason come last
  controls: (row) => (row.listed.length ? row.good / (row.applies || 1) : -1),
  since: (row) => row.since || Infinity,
  repaired: (row) => -row.changed.length,
};
const sort = { by: "status", descending: false };
const open = new Set(), heights = new Map(), made = new Map();
let view = [], offsets = [0], rowHeight = 56, whole = false;

function choose() {
  const terms = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const pressed = chips.filter((it) => it.ariaPressed === "true").map((it) => it.value);
  const fits = (row) => pressed.length === 0 || pressed.some((it) => it === row.status || (it === "CHANGED" && row.changed.length));
  const key = KEYS[sort.by], sign = sort.descending ? -1 : 1;
  view = rows.filter((row) => fits(row) && terms.every((term) => row.text.includes(term)));
  view.sort((one, other) => {
    const a = key(one), b = key(other);
    return (a < b ? -sign : a > b ? sign : 0) || one.index - other.index;
  });
  for (const head of heads) {
    const button = head.firstElementChild;
    if (button.dataset.sort === sort.by) head.ariaSort = sort.descending ? "descending" : "ascending";
    else head.removeAttribute("aria-sort");
  }
  const number = (it) => it.toLocaleString("en");
  $("#count").textContent = view.length === rows.length
    ? `${number(rows.length)} ${rows.length === 1 ? "row" : "rows"}, one an account and Region`
    : `${number(view.length)} of ${number(rows.length)} rows`;
  $("#none").hidden = view.length > 0;
  table.ariaRowCount = view.length + 1;
  lay();
}

// ---- only the rows in sight are in the document

const above = spacer(), below = spacer();
table.append(above, below);

function spacer() {
  const body = element("tbody", { className: "spacer", ariaHidden: "true" });
  const cell = element("td", { colSpan: heads.length });
  body.append(element("tr", {}, cell));
  return body;
}

function lay() {
  offsets = [0];
  for (const row of view) offsets.push(offsets.at(-1) + rowHeight + (open.has(row.index) ? heights.get(row.index) ?? 320 : 0));
  show();
}

function at(position) { // the row of the view at a height, by halves
  let low = 0, high = view.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (offsets[middle + 1] <= position) low = middle + 1; else high = middle;
  }
  return low;
}

function show() {
  const [first, last] = whole ? [0, view.length] : inSight();
  const wanted = view.slice(first, last).map((row, offset) => bodyOf(row, first + offset));
  const kept = new Set(wanted);
  for (const body of [...made.values()]) {
    if (kept.has(body)) continue;
    body.remove();
    made.delete(Number(body.dataset.row));
  }
  let next = above.nextSibling; // rows that stay are not moved, so that focus stays too
  for (const body of wanted) {
    if (body === next) next = next.nextSibling; else table.insertBefore(body, next);
  }
  above.firstChild.firstChild.style.height = `${offsets[first]}px`;
  below.firstChild.firstChild.style.height = `${offsets[view.length] - offsets[last]}px`;
  above.hidden = first === 0;
  below.hidden = last === view.length;
  if (!whole) measure(wanted);
}

function inSight() { // with some rows more, so that Tab and a quick scroll find the next one there
  const top = scroller.scrollTop, margin = 10;
  let first = at(top), last = at(top + scroller.clientHeight) + 1;
  const focused = Number(document.activeElement.closest("#table tr")?.ariaRowIndex ?? NaN) - 2;
  if (focused >= first - 50 && focused < last + 50) { // Tab can be quicker than the scrolling that it causes
    first = Math.min(first, focused);
    last = Math.max(last, focused + 1);
  }
  return [Math.max(0, first - margin), Math.min(view.length, last + margin)];
}

function measure(bodies) {
  let changed = false;
  for (const body of bodies) {
    const [row, more] = body.rows, index = Number(body.dataset.row);
    const height = row.getBoundingClientRect().height;
    if (height && Math.abs(height - rowHeight) > 0.5) { rowHeight = height; changed = true; }
    const tall = more ? more.getBoundingClientRect().height : 0;
    if (more && Math.abs(tall - (heights.get(index) ?? 320)) > 0.5) { heights.set(index, tall); changed = true; }
  }
  if (changed) lay();
}

// ---- one row, and what it opens to

function element(name, properties = {}, ...children) {
  const it = Object.assign(document.createElement(name), properties);
  it.append(...children);
  return it;
}

function bodyOf(row, position) {
  let body = made.get(row.index);
  if (!body) {
    body = element("tbody", {}, rowOf(row));
    body.dataset.row = row.index;
    made.set(row.index, body);
    if (open.has(row.index)) body.append(moreOf(row));
  }
  body.rows[0].ariaRowIndex = position + 2;
  return body;
}

function rowOf(row) {
  const button = element("button", { type: "button", className: `open tag ${row.status}` }, `${GLYPH[row.status]} ${row.status}`);
  button.ariaExpanded = String(open.has(row.index));
  button.setAttribute("aria-label", `${row.status}: ${row.name || row.account}, ${row.region}. Details`);
  const cell = (...children) => element("td", {}, ...children);
  const line = element("tr", { className: "row" },
    cell(button),
    cell(row.name || row.account, element("small", {}, row.name ? `${row.account} · ${row.region}` : row.region)),
    cell(row.region),
    cell(row.code, element("small", { title: row.message }, row.message)),
    cell(row.listed.length ? `${row.good} of ${row.applies}` : row.status === "IGNORED" ? "" : "not read"),
    cell(row.since ? lasting(data.finished - row.since) : ""),
    cell(row.changed.length ? String(row.changed.length) : ""));
  line.addEventListener("click", () => {
    if (String(getSelection())) return; // somebody marks text to copy it
    toggle(row);
  });
  return line;
}

function toggle(row) {
  const body = made.get(row.index);
  if (open.delete(row.index)) body.rows[1]?.remove();
  else { open.add(row.index); body.append(moreOf(row)); }
  body.querySelector(".open").ariaExpanded = String(open.has(row.index));
  lay();
}

function moreOf(row) {
  const facts = [["Account", row.name ? `${row.name} (${row.account})` : row.account], ["Region", row.region],
    ["Bucket", row.bucket], ["Owner", row.owner], ["Reason", row.message], ["What to do", row.remedy]];
  const cell = element("td", { colSpan: heads.length }, element("dl", {}, ...facts.filter(([, text]) => text)
    .flatMap(([term, text]) => [element("dt", {}, term), element("dd", {}, text)])));
  if (row.notes.length) cell.append(element("h3", {}, "Notes"), ...row.notes.map((note) => element("p", {}, note)));
  if (row.changed.length) cell.append(element("h3", {}, data.changed));
  for (const [control, before, after] of row.changed) {
    cell.append(element("p", {}, element("code", {}, control), ` ${data.why[control]}`),
      element("pre", {}, element("del", {}, `− ${before}\n`), element("ins", {}, `+ ${after}`)));
  }
  if (row.listed.length) {
    cell.append(element("h3", {}, "Controls"), element("ul", { className: "outcomes" }, ...row.listed.map(([control, letter]) =>
      element("li", { className: FINE.includes(letter) ? "" : "bad" }, element("code", {}, control), ` ${data.outcomes[letter]}`))));
  }
  return element("tr", { className: "more" }, cell);
}

function lasting(seconds) {
  const [size, unit] = seconds >= 172800 ? [86400, "days"] : seconds >= 7200 ? [3600, "hours"] : [60, "minutes"];
  return `${Math.round(seconds / size).toLocaleString("en")} ${unit}`;
}

// ---- what a person does

function filter(text, pressed = []) {
  input.value = text;
  for (const it of chips) it.ariaPressed = String(pressed.includes(it.value));
  scroller.scrollTop = 0;
  choose();
}

input.addEventListener("input", () => { scroller.scrollTop = 0; choose(); });
for (const it of chips) {
  it.addEventListener("click", () => {
    it.ariaPressed = String(it.ariaPressed !== "true");
    scroller.scrollTop = 0;
    choose();
  });
}
for (const head of heads) {
  head.firstElementChild.addEventListener("click", ({ currentTarget }) => {
    const by = currentTarget.dataset.sort;
    Object.assign(sort, { by, descending: sort.by === by && !sort.descending });
    scroller.scrollTop = 0;
    choose();
  });
}
for (const it of document.querySelectorAll("[data-filter]")) {
  it.addEventListener("click", () => filter(it.dataset.filter, it.dataset.pressed ? [it.dataset.pressed] : []));
}
$("#clear").addEventListener("click", () => { filter(""); input.focus(); });
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    input.focus();
    input.select();
  } else if (event.key === "Escape") {
    filter("");
  }
});
scroller.addEventListener("scroll", show, { passive: true });
table.addEventListener("focusin", show);
addEventListener("resize", () => { heights.clear(); lay(); });
addEventListener("beforeprint", () => { whole = true; lay(); });
addEventListener("afterprint", () => { whole = false; lay(); });
$("#unscripted").hidden = true;
choose();
