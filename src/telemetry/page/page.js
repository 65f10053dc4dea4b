// The filter's own page: asks once for everything, then listens to news once a second. Whatever a log says is shown as
// text and never as markup. The files of the page's script are served as one, in the order in which `routes.rs` names
// them; this first one holds what all of them know.

/** A text in the page's language; WORDS, which stand before this, have those that are not English. */
const t = (text, ...values) => (WORDS[text] ?? text).replace(/\{(\d)\}/g, (_, i) => values[i]);

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
  /** The number of the newest incident that is known of. */
  newest: 0,
  open: new Set(),
  asked: 0,
  /** When the list was asked for last, and whether something is not in it. */
  loadedAt: -Infinity,
  missed: false,
};

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
  if (seconds < 59.95) return `${Number(seconds.toPrecision(3))} ${t("s")}`;
  const units = [[86400, t("d"), 3600, t("h")], [3600, t("h"), 60, t("min")], [60, t("min"), 1, t("s")]];
  const [large, name, small, rest] = units.find(([size]) => seconds >= size) ?? units[2];
  const total = Math.round(seconds / small) * small;
  const left = Math.round((total % large) / small);
  return `${Math.floor(total / large)} ${name}${left ? ` ${left} ${rest}` : ""}`;
}

const iso = (ms) => new Date(ms).toISOString();
/** Minutes that the reader's clocks are ahead of UTC at this time. */
const ahead = (ms) => -new Date(ms).getTimezoneOffset();
/** What the reader's clocks show, written as in ISO 8601, without a zone. */
const local = (ms) => iso(ms + ahead(ms) * 60e3).slice(0, 23);
const zone = (ms) => {
  const minutes = Math.abs(ahead(ms));
  if (!minutes) return "UTC";
  return `UTC${ahead(ms) < 0 ? "−" : "+"}${[minutes / 60, minutes % 60].map((n) => String(Math.floor(n)).padStart(2, "0")).join(":")}`;
};
const clock = (ms, seconds = true) => local(ms).slice(11, seconds ? 19 : 16);
/** The day as well, where it is not the stream's last. */
function moment(ms) {
  const last = page.status?.now_ms ?? Date.now();
  return local(ms).slice(0, 10) === local(last).slice(0, 10) ? clock(ms) : `${local(ms).slice(5, 10)} ${clock(ms, false)}`;
}

const plural = (n, word) => t(`{0} ${word}${n === 1 ? "" : "s"}`, count(n));

function mark(severity) {
  const shape = {
    critical: ["path", { d: "M6 1l5.5 10H.5z", class: "mark-critical" }],
    warning: ["path", { d: "M6 2.2L10.4 10H1.6z", class: "mark-warning" }],
    info: ["circle", { cx: 6, cy: 6, r: 3.5, class: "mark-info" }],
  }[severity];
  return s("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, s(...shape));
}

const severityLabel = (severity) => h("span", { class: `sev ${severity}` }, mark(severity), t(severity[0].toUpperCase() + severity.slice(1)));

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
