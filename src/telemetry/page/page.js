// The filter's own page: asks once for everything, then listens to news once a second. Whatever a log says is shown as
// text and never as markup.

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const SEVERITIES = ["info", "warning", "critical"];
/** Incidents that are asked for at a time, and the most that the server gives at once. */
const PAGE = 100;
const MOST = 500;
/** Shortest time between two questions for the whole list, in ms: in a storm there would be one a second. */
const CALM = 3000;
/** So many new incidents at once are shown to have come. */
const FEW = 5;
/** Most columns of each chart, as the server keeps them. */
const KEPT = [180, 180, 192];
/** Fewest columns drawn, so that a young stream is not a wall. */
const FEWEST = 60;

const page = {
  status: null,
  rate: [],
  charts: [null, null, null],
  chart: 0,
  cursor: null,
  filter: { state: "", severity: "", detector: "", q: "", from: "", to: "" },
  rows: [],
  /** How many rows a person wants to see. */
  shown: PAGE,
  matched: 0,
  open: new Set(),
  asked: 0,
  /** When the list was asked for last, and whether something is not in it. */
  loadedAt: -Infinity,
  missed: false,
};

/* ---- small things ---- */

/** An element with attributes and children; strings become text. */
function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

function s(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const count = (n) => whole.format(n);

function short(n) {
  if (n >= 1e9) return `${(n / 1e9).toPrecision(3)} G`;
  if (n >= 1e6) return `${(n / 1e6).toPrecision(3)} M`;
  if (n >= 1e4) return `${(n / 1e3).toPrecision(3)} k`;
  return n >= 100 || Number.isInteger(n) ? count(n) : String(Number(n.toPrecision(2)));
}

/** A length of time in its two largest units. */
function duration(seconds) {
  if (seconds < 0.0095 && seconds > 0) return seconds < 0.001 ? `${Math.round(seconds * 1e6)} µs` : `${Number((seconds * 1e3).toPrecision(2))} ms`;
  if (seconds < 1 && seconds > 0) return `${Math.round(seconds * 1e3)} ms`;
  if (seconds < 59.95) return `${Number(seconds.toPrecision(3))} s`;
  const units = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];
  const [large, name, small, rest] = units.find(([size]) => seconds >= size) ?? units[2];
  const total = Math.round(seconds / small) * small;
  const left = Math.round((total % large) / small);
  return `${Math.floor(total / large)} ${name}${left ? ` ${left} ${rest}` : ""}`;
}

const iso = (ms) => new Date(ms).toISOString();
const clock = (ms, seconds = true) => iso(ms).slice(11, seconds ? 19 : 16);
/** The day as well, where it is not the stream's last. */
function moment(ms) {
  const last = page.status?.now_ms ?? Date.now();
  return iso(ms).slice(0, 10) === iso(last).slice(0, 10) ? clock(ms) : `${iso(ms).slice(5, 10)} ${clock(ms, false)}`;
}

const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

function mark(severity) {
  const shape = {
    critical: ["path", { d: "M6 1l5.5 10H.5z", class: "mark-critical" }],
    warning: ["path", { d: "M6 2.2L10.4 10H1.6z", class: "mark-warning" }],
    info: ["circle", { cx: 6, cy: 6, r: 3.5, class: "mark-info" }],
  }[severity];
  return s("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, s(...shape));
}

const severityLabel = (severity) => h("span", { class: `sev ${severity}` }, mark(severity), severity[0].toUpperCase() + severity.slice(1));

async function ask(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/** Puts rows into a table only where they have changed, so that a selection or a focus in it stays. */
function fill(table, head, rows, none) {
  const key = JSON.stringify([head, rows.map((row) => row.key)]);
  if (table.dataset.key === key) return;
  table.dataset.key = key;
  const cells = (row) => row.cells.map((cell, i) => h("td", { class: head[i][1] }, cell));
  table.replaceChildren(
    ...(rows.length ? [h("thead", {}, h("tr", {}, head.map(([name, kind, unseen]) => h("th", { class: kind, scope: "col" }, unseen ? h("span", { class: "hidden" }, name) : name))))] : []),
    h("tbody", {}, rows.length ? rows.map((row) => h("tr", {}, cells(row))) : h("tr", {}, h("td", { class: "muted" }, none))),
  );
}

/* ---- what is wrong now ---- */

function drawStatus() {
  const status = page.status;
  const [info, warning, critical] = status.open;
  const open = info + warning + critical;
  const parts = [[critical, "critical"], [warning, "warning"], [info, "info"]].filter(([n]) => n);
  const worst = parts.map(([n, name]) => `${count(n)} ${name}`);
  const joined = worst.length > 1 ? `${worst.slice(0, -1).join(", ")} and ${worst.at(-1)}` : worst[0];
  const opened = status.opened.reduce((sum, n) => sum + n, 0);
  $("verdict").textContent = open ? `${joined} ${open === 1 ? "incident" : "incidents"} open` : status.events ? "Nothing is wrong now" : "Waiting for events";
  document.title = open ? `(${count(open)}) seismolog` : "seismolog";
  $("verdict-more").textContent = status.events
    ? `${plural(opened, "incident")} in ${plural(status.events, "event")} since the start, ${duration(Math.round(status.uptime_s))} ago`
    : "Nothing has come on standard input yet.";
  $("version").textContent = `version ${status.version}`;

  page.rate.push([performance.now(), status.events]);
  while (page.rate.length > 11) page.rate.shift();
  const [first, last] = [page.rate[0], page.rate.at(-1)];
  const seconds = (last[0] - first[0]) / 1e3;
  tile("t-rate", seconds > 0.5 ? short((last[1] - first[1]) / seconds) : "–", "/s");
  const errors = status.levels[4] + status.levels[5];
  tile("t-errors", status.events ? `${Number(((errors / status.events) * 100).toPrecision(2))} %` : "–", "of all");
  tile("t-open", short(open), `of ${short(opened)}`);
  // A stream of other days is replayed: how far it is behind says nothing.
  tile("t-lag", status.lag_s === null ? "–" : status.lag_s > 7 * 86400 ? "past" : duration(Math.max(status.lag_s, 0)), "");
  drawLatency();
  drawWork();
  drawHealth();
}

function tile(id, value, unit) {
  $(id).replaceChildren(value, h("small", {}, unit));
}

function drawLatency() {
  const operations = page.status.operations.slice(0, 12);
  const all = operations.flatMap((of) => [of.p50, of.p99]).filter((value) => value > 0);
  const [low, high] = [Math.log(Math.min(...all) / 1.3), Math.log(Math.max(...all) * 1.3)];
  const at = (value) => (value > 0 ? `${(((Math.log(value) - low) / (high - low)) * 100).toFixed(1)}%` : "0%");
  const rows = operations.map((of) => ({
    key: [of.name, of.p50, of.p99, of.count],
    cells: [
      h("span", { class: "wrap", title: `${count(of.count)} calls` }, of.name),
      s("svg", { class: "plot", role: "img", "aria-label": `half take ${duration(of.p50)}, 9 in 10 ${duration(of.p90)}, 99 in 100 ${duration(of.p99)}` },
        s("line", { class: "track", x1: 0, x2: "100%", y1: 7, y2: 7 }),
        s("line", { x1: at(of.p50), x2: at(of.p99), y1: 7, y2: 7 }),
        s("circle", { class: "p50", cx: at(of.p50), cy: 7, r: 3.5 }),
        s("circle", { class: "p99", cx: at(of.p99), cy: 7, r: 4 })),
      duration(of.p50), duration(of.p99),
    ],
  }));
  fill($("latency"), [["Operation", ""], ["Half to 99 in 100", "", true], ["p50", "num"], ["p99", "num"]], rows, "No event with a duration yet.");
}

function drawTemplates(templates) {
  const most = Math.max(1, ...templates.map((template) => template.count));
  const rows = templates.slice(0, 12).map((template) => {
    const bar = h("div", { class: "bar" });
    bar.style.width = `${Math.max(1, (template.count / most) * 100)}%`;
    return {
      key: [template.id, template.count],
      cells: [count(template.count), h("span", { class: "wrap mono" }, template.text ?? template.id, bar)],
    };
  });
  fill($("templates"), [["Events", "num"], ["Template", ""]], rows, "No template yet.");
}

function drawWork() {
  const { detectors, rules } = page.status;
  const share = (cpu) => (cpu === null ? "" : duration(cpu));
  const rows = [
    ...detectors.map((of) => ({ key: [of.name, of.opened, of.cpu_s], cells: [of.name, plural(of.opened, "incident"), share(of.cpu_s)] })),
    ...rules.map((of) => ({
      key: [of.name, of.evaluations, of.failures, of.enabled, of.cpu_s],
      cells: [
        h("span", {}, `rule ${of.name}`, of.enabled ? null : h("span", { class: "off" }, " off")),
        h("span", {}, plural(of.evaluations, "call"), of.failures ? h("span", { class: "off" }, `, ${count(of.failures)} failed`) : null),
        share(of.cpu_s),
      ],
    })),
  ];
  fill($("work"), [["Name", ""], ["Work", "num"], ["CPU time", "num"]], rows, "No detector is on.");
}

function drawHealth() {
  const { faults, tables, sinks, read_bytes, written_bytes } = page.status;
  const bytes = (n) => `${short(n)}B`.replace(/(\d)B/, "$1 B");
  const row = (name, value, bad) => ({ key: [name, value], cells: [name, h("span", { class: bad ? "off" : "" }, value)] });
  const rows = [
    row("read, written", `${bytes(read_bytes)}, ${bytes(written_bytes)}`),
    ...sinks.map((of) => row(`sink ${of.name}`, `${of.up ? "delivers" : "does not answer"}${of.pending ? `, ${count(of.pending)} wait` : ""}${of.lost ? `, ${count(of.lost)} lost` : ""}`, !of.up || of.lost)),
    ...faults.map(([name, n]) => row(`fault ${name.replaceAll("_", " ")}`, count(n))),
    ...tables.filter((of) => of.keys || of.evictions).map((of) => row(`table ${of.name.replaceAll("_", " ")}`, `${plural(of.keys, "key")}${of.evictions ? `, ${count(of.evictions)} evicted` : ""}`, of.evictions)),
  ];
  fill($("health"), [["What", "", true], ["Value", "num", true]], rows, "");
}

/* ---- the chart ---- */

const M = { left: 46, right: 8, top: 18, events: 116, band: 26, errors: 48, axis: 20 };

function geometry() {
  const chart = page.charts[page.chart];
  const used = chart?.columns.length ?? 0;
  const columns = Math.max(used, FEWEST);
  const width = $("stage").clientWidth;
  const step = Math.max(0, width - M.left - M.right) / columns;
  return { chart, used, columns, width, step, x: (i) => M.left + (columns - used + i) * step };
}

function drawChart() {
  const svg = $("chart");
  const { chart, used, width, step, x } = geometry();
  svg.setAttribute("viewBox", `0 0 ${width} 232`);
  if (!used) {
    svg.replaceChildren(s("text", { x: width / 2, y: 110, "text-anchor": "middle" }, "No events yet"));
    return;
  }
  const columns = chart.columns;
  const most = nice(Math.max(...columns.map((c) => c[0])) / chart.column_s) * chart.column_s;
  const worst = nice(Math.max(1, ...columns.map((c) => c[1] + c[2])) / chart.column_s) * chart.column_s;
  const base = M.top + M.events;
  const below = base + M.band;
  const gap = step > 4 ? 1 : 0;
  const bars = { ev: "", wa: "", er: "" };
  columns.forEach((c, i) => {
    const [left, w] = [x(i), Math.max(step - gap, 0.6)];
    const box = (top, height) => (height > 0 ? `M${left.toFixed(1)} ${top.toFixed(1)}h${w.toFixed(1)}v${height.toFixed(1)}h${(-w).toFixed(1)}z` : "");
    const up = Math.max((c[0] / most) * M.events, c[0] ? 1 : 0);
    const er = Math.max((c[2] / worst) * M.errors, c[2] ? 1.5 : 0);
    const wa = Math.max((c[1] / worst) * M.errors, c[1] ? 1 : 0);
    bars.ev += box(base - up, up);
    bars.er += box(below, er);
    bars.wa += box(below + er, wa);
  });
  const parts = [
    s("line", { class: "grid", x1: M.left, x2: width - M.right, y1: M.top, y2: M.top }),
    s("line", { class: "grid", x1: M.left, x2: width - M.right, y1: M.top + M.events / 2, y2: M.top + M.events / 2 }),
    s("text", { x: M.left - 7, y: M.top + 4, "text-anchor": "end" }, `${short(most / chart.column_s)}/s`),
    s("text", { x: M.left - 7, y: below + M.errors, "text-anchor": "end" }, `${short(worst / chart.column_s)}/s`),
    s("line", { class: "grid", x1: M.left, x2: width - M.right, y1: below + M.errors, y2: below + M.errors }),
  ];
  if (page.filter.from !== "") {
    const i = (Number(page.filter.from) - chart.from_ms) / 1e3 / chart.column_s;
    const n = (Number(page.filter.to) - Number(page.filter.from)) / 1e3 / chart.column_s;
    if (i >= 0 && i < used) parts.push(s("rect", { class: "picked", x: x(i), y: M.top, width: Math.max(step * n, 2), height: 232 - M.top - M.axis }));
  }
  if (page.cursor !== null && page.cursor < used) parts.push(s("rect", { class: "cursor", x: x(page.cursor), y: M.top, width: Math.max(step, 2), height: 232 - M.top - M.axis }));
  for (const [name, d] of Object.entries(bars)) parts.push(s("path", { class: name, d }));
  parts.push(s("line", { class: "axis", x1: M.left, x2: width - M.right, y1: base + .5, y2: base + .5 }), s("line", { class: "axis", x1: M.left, x2: width - M.right, y1: below - .5, y2: below - .5 }));
  parts.push(...marks(columns, x, step, base), ...times(chart, x, width));
  svg.replaceChildren(...parts);
  const stage = $("stage");
  stage.setAttribute("aria-valuemax", String(used - 1));
  if (page.cursor === null) {
    const opened = columns.reduce((sum, c) => sum + c[3] + c[4] + c[5], 0);
    stage.setAttribute("aria-valuenow", String(used - 1));
    stage.setAttribute("aria-valuetext", `${plural(opened, "incident")} opened in ${duration(used * chart.column_s)}; arrow keys move through time`);
  }
}

/** The band between the two halves: the worst that opened in a column; marks that would overlap are one. */
function marks(columns, x, step, base) {
  const found = [];
  columns.forEach((c, i) => {
    const worst = c[5] ? 2 : c[4] ? 1 : c[3] ? 0 : -1;
    if (worst < 0) return;
    const center = x(i) + step / 2;
    const last = found.at(-1);
    if (last && center - last.center < 13) {
      last.worst = Math.max(last.worst, worst);
      last.n += c[3] + c[4] + c[5];
    } else found.push({ center, worst, n: c[3] + c[4] + c[5] });
  });
  return found.map(({ center, worst, n }) => {
    const y = base + M.band / 2;
    const group = s("g", { transform: `translate(${center.toFixed(1)} ${y})` });
    group.append(worst === 2 ? s("path", { class: "mark-critical", d: "M0-6L6.5 6h-13z" }) : worst === 1 ? s("path", { class: "mark-warning", d: "M0-4.5L5 5H-5z" }) : s("circle", { class: "mark-info", r: 4 }));
    if (n > 1) group.append(s("title", {}, `${n} incidents`));
    return group;
  });
}

function times(chart, x, width) {
  const lengths = [60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  const perPixel = chart.column_s / Math.max(x(1) - x(0), 0.01);
  const every = lengths.find((length) => length / perPixel >= 84) ?? 86400;
  const first = Math.ceil(chart.from_ms / 1e3 / every) * every;
  const last = chart.from_ms / 1e3 + chart.columns.length * chart.column_s;
  const labels = [];
  for (let t = first; t <= last; t += every) {
    const at = x((t - chart.from_ms / 1e3) / chart.column_s);
    if (at < M.left + 12 || at > width - 26) continue;
    labels.push(s("text", { x: at, y: 229, "text-anchor": "middle" }, t % 86400 === 0 ? iso(t * 1e3).slice(5, 10) : clock(t * 1e3, false)));
  }
  return labels;
}

function nice(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((n) => n * power).find((n) => n >= value);
}

function setCursor(index) {
  const { chart, used, step, x, width } = geometry();
  const tip = $("tip");
  page.cursor = index === null || !used ? null : Math.min(Math.max(index, 0), used - 1);
  if (page.cursor === null) {
    tip.hidden = true;
    drawChart();
    return;
  }
  const c = chart.columns[page.cursor];
  const begin = chart.from_ms + page.cursor * chart.column_s * 1e3;
  const opened = SEVERITIES.map((name, i) => [c[3 + i], name]).filter(([n]) => n).reverse().map(([n, name]) => `${n} ${name}`);
  const text = [`${plural(c[0], "event")}, ${short(c[0] / chart.column_s)}/s`, `${plural(c[2], "error")}, ${plural(c[1], "warning")}`];
  if (opened.length) text.push(`opened: ${opened.join(", ")}`);
  tip.replaceChildren(h("b", {}, `${iso(begin).slice(0, 10)} ${clock(begin)}`), ...text.flatMap((line) => [h("br"), line]));
  tip.hidden = false;
  const at = x(page.cursor) + step / 2;
  tip.style.left = `${Math.min(Math.max(at + 12, 0), width - tip.offsetWidth)}px`;
  if (at + 12 + tip.offsetWidth > width) tip.style.left = `${Math.max(at - 12 - tip.offsetWidth, 0)}px`;
  const stage = $("stage");
  stage.setAttribute("aria-valuenow", String(page.cursor));
  stage.setAttribute("aria-valuetext", [`${clock(begin)}`, ...text].join("; "));
  drawChart();
}

function pickMoment() {
  const { chart } = geometry();
  if (page.cursor === null || !chart) return;
  // A mark may stand for its neighbours: columns under it, that is.
  const { step } = geometry();
  const around = Math.floor(7 / Math.max(step, 0.01));
  const begin = chart.from_ms + (page.cursor - around) * chart.column_s * 1e3;
  setMoment(begin, begin + (2 * around + 1) * chart.column_s * 1e3);
}

function setMoment(from, to) {
  Object.assign(page.filter, { from: from === null ? "" : String(from), to: to === null ? "" : String(to) });
  const chip = $("moment");
  chip.hidden = from === null;
  if (from !== null) chip.replaceChildren(`${clock(from)} to ${clock(to)}`, h("span", { "aria-label": "remove" }, "✕"));
  drawChart();
  loadFiltered();
}

/* ---- incidents ---- */

function query(more = {}) {
  const all = { ...page.filter, limit: PAGE, ...more };
  return new URLSearchParams(Object.entries(all).filter(([, value]) => value !== "" && value !== undefined)).toString();
}

/** The list anew, as long as it was. */
async function load() {
  const asked = ++page.asked;
  let rows = [];
  let list;
  do {
    list = await ask(`/api/incidents?${query({ limit: Math.min(page.shown - rows.length, MOST), before: rows.at(-1)?.serial })}`);
    // A later question has been asked meanwhile.
    if (asked !== page.asked) return;
    rows = rows.concat(list.incidents);
  } while (list.incidents.length && rows.length < Math.min(page.shown, list.matched));
  page.loadedAt = performance.now();
  page.rows = rows;
  page.matched = list.matched;
  drawList();
}

/** The list by another filter, from its begin. */
function loadFiltered() {
  page.shown = PAGE;
  return load();
}

async function loadMore() {
  const before = page.rows.at(-1)?.serial;
  const list = await ask(`/api/incidents?${query({ before })}`);
  const first = page.rows.length;
  page.rows.push(...list.incidents.filter((row) => row.serial < before));
  page.shown = page.rows.length;
  page.matched = list.matched;
  drawList();
  $("list").children[first]?.querySelector("button").focus();
}

/** Text, written only where it differs: to write it costs a layout. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Makes `items` the children of `list`, and moves only what is not where it should be. */
function arrange(list, items) {
  const wanted = new Set(items);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  let at = list.firstElementChild;
  for (const item of items) {
    if (item === at) at = at.nextElementSibling;
    else list.insertBefore(item, at);
  }
}

function describeRow(row) {
  const ended = row.state === "resolved";
  const now = page.status?.now_ms ?? row.said_ms;
  const lasted = row.duration_s ?? Math.max(0, (now - row.opened_ms) / 1e3);
  const what = row.detector === "rule" ? `rule ${row.rule ?? row.kind}` : `${row.detector}/${row.kind}`;
  const meta = [what, plural(row.count, "event")];
  if (row.silenced) meta.push("silenced");
  // One announcement and nothing after it has no length.
  if (ended && lasted >= 0.1) meta.push(`lasted ${duration(lasted)}`);
  return { ended, meta: meta.join(" · "), state: ended ? "ended" : `open ${duration(lasted < 60 ? Math.floor(lasted) : Math.floor(lasted / 60) * 60)}` };
}

function drawList() {
  const list = $("list");
  const there = new Map([...list.children].map((item) => [item.dataset.id, item]));
  const items = page.rows.map((row) => {
    const key = JSON.stringify([row.state, row.severity, row.count, row.summary, row.silenced]);
    let item = there.get(row.id);
    if (!item) item = h("li", { "data-id": row.id });
    const { ended, meta, state } = describeRow(row);
    if (item.dataset.key !== key) {
      const had = item.contains(document.activeElement) && document.activeElement.tagName === "BUTTON";
      item.dataset.key = key;
      item.className = `incident ${ended ? "ended" : "open"}${item.classList.contains("new") ? " new" : ""}`;
      const button = h("button", { type: "button", "aria-expanded": String(page.open.has(row.id)), "aria-controls": `d-${row.id}`, onclick: () => toggle(row.id) },
        severityLabel(row.severity),
        h("span", { class: "what" }, row.summary),
        h("time", { class: "when", datetime: iso(row.opened_ms), title: `${iso(row.opened_ms)}` }, moment(row.opened_ms)),
        h("span", { class: "meta" }, meta),
        h("span", { class: `state ${ended ? "" : "open"}` }, state));
      const detail = item.querySelector(".detail");
      item.replaceChildren(button, ...(detail ? [detail] : []));
      if (page.open.has(row.id)) showDetail(row.id, item);
      if (had) button.focus();
    } else setText(item.querySelector(".state"), state);
    return item;
  });
  arrange(list, items.length ? items : [emptyList()]);
  $("matched").textContent = plural(page.matched, "incident");
  $("more").hidden = page.rows.length >= page.matched;
  $("more").textContent = `Show more (${count(page.matched - page.rows.length)} older)`;
}

const hasFilter = () => Object.values(page.filter).some((value) => value !== "");

function emptyList() {
  return hasFilter()
    ? h("li", { class: "empty" }, h("b", {}, "No incident like that"), "Other words, or another moment, may find some.")
    : h("li", { class: "empty" }, h("b", {}, "No incident so far"), "What is normal is learned while the stream runs; what is not will stand here the moment it begins.");
}

function toggle(id) {
  const item = $("list").querySelector(`[data-id="${CSS.escape(id)}"]`);
  const isOpen = page.open.has(id);
  page.open[isOpen ? "delete" : "add"](id);
  item.querySelector("button").setAttribute("aria-expanded", String(!isOpen));
  item.classList.remove("new");
  if (isOpen) {
    item.querySelector(".detail")?.remove();
    if (location.hash === `#${id}`) history.replaceState(null, "", " ");
  } else {
    history.replaceState(null, "", `#${id}`);
    showDetail(id, item);
  }
}

async function showDetail(id, item) {
  let incident;
  try {
    incident = await ask(`/api/incidents/${encodeURIComponent(id)}`);
  } catch {
    return;
  }
  if (!page.open.has(id)) return;
  const block = (title, content) => h("div", {}, h("h3", {}, title), content);
  const lines = (title, of) => (of.length ? block(title, h("div", { class: "lines", tabindex: 0, role: "region", "aria-label": title }, h("ol", {}, of.map((line) => h("li", {}, line))))) : null);
  const note = (title, text) => (text ? h("div", { class: "note" }, h("b", {}, title), text) : null);
  const isTrivial = incident.detector === "rule" && !incident.details.some(([name]) => name === "test" || name === "window");
  const detail = h("div", { class: "detail", id: `d-${id}` },
    h("div", { class: "row" },
      incident.key.map(([name, value]) => h("span", { class: "tag" }, `${name} ${value}`)),
      incident.respond_within && incident.state !== "resolved" ? h("span", { class: "tag" }, `respond within ${incident.respond_within}`) : null),
    note("Cause", incident.cause), note("Remedy", incident.remedy),
    isTrivial ? null : block("Why", h("p", {}, incident.evidence)),
    isTrivial ? null : h("dl", { class: "facts" }, incident.details.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    lines("Lines that led up to it", incident.context),
    lines("Lines", incident.example),
    incident.line ? lines("The event that showed it", [incident.line]) : null,
    h("div", { class: "row muted" }, `opened ${iso(incident.opened_ms)} · incident ${incident.id}`,
      h("button", { class: "plain", type: "button", onclick: (e) => copy(e.currentTarget, incident) }, "Copy as JSON")));
  item.querySelector(".detail")?.remove();
  item.append(detail);
}

async function copy(button, incident) {
  try {
    await navigator.clipboard.writeText(JSON.stringify(incident, null, 1));
    button.textContent = "Copied";
  } catch {
    button.textContent = "The browser does not allow it";
  }
}

/** Whether a row that has just changed belongs into the list as it is filtered. */
function belongs(row) {
  const f = page.filter;
  return (!f.state || (f.state === "ended") === (row.state === "resolved"))
    && (!f.severity || f.severity === row.severity)
    && (!f.detector || f.detector === row.detector)
    && (f.from === "" || (row.opened_ms >= Number(f.from) && row.opened_ms < Number(f.to)))
    && f.q.toLowerCase().split(/\s+/).every((word) => `${row.summary} ${row.detector} ${row.kind} ${row.rule ?? ""} ${row.id}`.toLowerCase().includes(word));
}

function takeChanged(changed) {
  const fresh = [];
  const newest = page.rows[0]?.serial ?? 0;
  for (const row of changed) {
    const at = page.rows.findIndex((known) => known.id === row.id);
    if (at >= 0) {
      if (belongs(row)) page.rows[at] = row;
      else page.matched -= page.rows.splice(at, 1).length;
    } else if (belongs(row) && row.serial > newest) {
      fresh.push(row);
    }
  }
  fresh.sort((a, b) => b.serial - a.serial);
  page.rows.unshift(...fresh);
  // What moves out below comes back with "Show more"; what somebody reads stays.
  while (page.rows.length > page.shown && !page.open.has(page.rows.at(-1).id)) page.rows.pop();
  page.matched = hasFilter() ? page.matched + fresh.length : page.status.kept;
  drawList();
  // In a storm nothing blinks.
  if (fresh.length <= FEW) for (const row of fresh) $("list").querySelector(`[data-id="${CSS.escape(row.id)}"]`)?.classList.add("new");
  const worst = fresh.sort((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity))[0];
  if (worst) $("announce").textContent = fresh.length === 1 ? `New ${worst.severity} incident: ${worst.summary}` : `${fresh.length} new incidents, the worst ${worst.severity}: ${worst.summary}`;
}

/* ---- live ---- */

function mergeChart(which, part) {
  const chart = page.charts[which];
  if (!chart || !part.columns.length) {
    if (part.columns.length) page.charts[which] = part;
    return;
  }
  part.columns.forEach((column, i) => {
    const at = Math.round((part.from_ms - chart.from_ms) / 1e3 / chart.column_s) + i;
    if (at < 0) return;
    if (at - chart.columns.length > KEPT[which]) {
      chart.columns = [];
      chart.from_ms = part.from_ms + i * chart.column_s * 1e3;
      chart.columns.push(column);
      return;
    }
    while (chart.columns.length <= at) chart.columns.push([0, 0, 0, 0, 0, 0]);
    chart.columns[at] = column;
  });
  const extra = chart.columns.length - KEPT[which];
  if (extra > 0) {
    chart.columns.splice(0, extra);
    chart.from_ms += extra * chart.column_s * 1e3;
    if (page.cursor !== null && which === page.chart) page.cursor = Math.max(0, page.cursor - extra);
  }
}

function takeNews(news) {
  const restarted = page.status && news.uptime_s < page.status.uptime_s;
  page.status = news;
  setLive("live", "live");
  if (restarted) {
    page.rate = [];
    loadAll();
    return;
  }
  news.charts.forEach((part, i) => mergeChart(i, part));
  drawStatus();
  drawChart();
  if (!news.complete || page.missed) catchUp();
  else if (news.changed.length) takeChanged(news.changed);
  else drawList();
}

/** Asks for the list when news did not hold all that has changed, and not more often than a person can read. */
function catchUp() {
  page.missed = performance.now() - page.loadedAt < CALM;
  if (!page.missed) load().catch(() => setLive("lost", "the filter does not answer"));
}

function setLive(state, text) {
  const live = $("live");
  if (live.dataset.state === state) return;
  live.dataset.state = state;
  live.textContent = text;
}

let templatesAt = -Infinity;
async function refreshTemplates() {
  if (document.hidden || performance.now() - templatesAt < 5000) return;
  templatesAt = performance.now();
  drawTemplates(await ask("/api/templates"));
}

function listen() {
  const source = new EventSource("/api/events");
  let opened = 0;
  source.addEventListener("open", () => {
    // What happened while nobody listened is asked for.
    if (opened++) loadAll();
  });
  source.addEventListener("news", (event) => {
    takeNews(JSON.parse(event.data));
    refreshTemplates().catch(() => {});
  });
  source.addEventListener("missed", loadAll);
  source.addEventListener("error", () => {
    setLive("lost", "the filter does not answer");
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
}

async function loadAll() {
  try {
    const [status, ...charts] = await Promise.all(["/api/status", "/api/chart/0", "/api/chart/1", "/api/chart/2"].map(ask));
    const isFirst = page.status === null;
    page.status = status;
    page.charts = charts;
    if (isFirst && charts[1].columns.length > 16) choose(1);
    if (isFirst && charts[1].columns.length >= 180) choose(charts[0].columns.length >= 180 && status.lag_s < 3600 ? 0 : 1);
    drawStatus();
    drawChart();
    await load();
    await refreshTemplates();
  } catch {
    setLive("lost", "the filter does not answer");
  }
}

function choose(chart) {
  page.chart = chart;
  page.cursor = null;
  for (const button of $("ranges").children) button.setAttribute("aria-pressed", String(Number(button.dataset.chart) === chart));
}

/* ---- what a person does ---- */

function wire() {
  $("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("theme", document.documentElement.dataset.theme); } catch { /* it is forgotten then */ }
  });
  $("ranges").addEventListener("click", (event) => {
    const chart = event.target.dataset.chart;
    if (chart === undefined) return;
    choose(Number(chart));
    setCursor(null);
  });
  $("states").addEventListener("click", (event) => {
    if (event.target.dataset.state === undefined) return;
    page.filter.state = event.target.dataset.state;
    for (const button of $("states").children) button.setAttribute("aria-pressed", String(button === event.target));
    loadFiltered();
  });
  for (const name of ["loop", "burst", "latency", "spread", "silence", "novelty", "input", "rule"]) $("detector").append(h("option", { value: name }, name[0].toUpperCase() + name.slice(1)));
  for (const id of ["severity", "detector"]) $(id).addEventListener("change", (event) => {
    page.filter[id] = event.target.value;
    loadFiltered();
  });
  let typing;
  $("words").addEventListener("input", (event) => {
    page.filter.q = event.target.value.trim();
    clearTimeout(typing);
    typing = setTimeout(loadFiltered, 150);
  });
  $("moment").addEventListener("click", () => setMoment(null, null));
  $("more").addEventListener("click", () => loadMore().catch(() => setLive("lost", "the filter does not answer")));
  const stage = $("stage");
  stage.addEventListener("pointermove", (event) => {
    const { x, step, used } = geometry();
    const index = Math.floor((event.clientX - stage.getBoundingClientRect().left - x(0)) / step);
    setCursor(index >= 0 && index < used ? index : null);
  });
  stage.addEventListener("pointerleave", () => setCursor(null));
  stage.addEventListener("blur", () => setCursor(null));
  stage.addEventListener("click", pickMoment);
  stage.addEventListener("keydown", (event) => {
    const used = geometry().used;
    const at = page.cursor ?? used;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: used - 1, PageUp: at + 10, PageDown: at - 10 }[event.key];
    if (to !== undefined) setCursor(to);
    else if (event.key === "Enter" || event.key === " ") pickMoment();
    else if (event.key === "Escape") setMoment(null, null);
    else return;
    event.preventDefault();
  });
  new ResizeObserver(drawChart).observe(stage);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const buttons = [...$("list").querySelectorAll(".incident > button")];
    const at = buttons.indexOf(document.activeElement?.closest?.(".incident")?.querySelector("button"));
    if (event.key === "/") $("words").focus();
    else if (event.key === "j") buttons[Math.min(at + 1, buttons.length - 1)]?.focus();
    else if (event.key === "k") buttons[Math.max(at - 1, 0)]?.focus();
    else return;
    event.preventDefault();
  });
}

try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch { /* the system's then */ }
const linked = location.hash.slice(1);
if (/^[0-9a-f]{16}$/.test(linked)) page.open.add(linked);
wire();
await loadAll();
if (page.open.size && !page.rows.some((row) => row.id === linked)) {
  // It is far back in the list: the list becomes it.
  $("words").value = page.filter.q = linked;
  await loadFiltered();
}
listen();
