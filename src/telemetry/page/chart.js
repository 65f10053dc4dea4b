// Events over time, with what opened between the two halves.

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
    svg.replaceChildren(s("text", { x: width / 2, y: 110, "text-anchor": "middle" }, t("No events yet")));
    return;
  }
  const columns = chart.columns;
  setText($("day"), days(chart));
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
    s("text", { x: M.left - 7, y: M.top + M.events / 2 + 4, "text-anchor": "end" }, short(most / chart.column_s / 2)),
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
    stage.setAttribute("aria-valuetext", t("{0} opened in {1}; arrow keys move through time", plural(opened, "incident"), duration(used * chart.column_s)));
  }
}

/** The days that the chart is of. */
function days(chart) {
  const [first, last] = [chart.from_ms, chart.from_ms + (chart.columns.length * chart.column_s - 1) * 1e3].map((ms) => local(ms).slice(0, 10));
  return `${first === last ? first : t("{0} to {1}", first, last)}, ${zone(chart.from_ms)}`;
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
    if (n > 1) group.append(s("title", {}, plural(n, "incident")));
    return group;
  });
}

function times(chart, x, width) {
  const lengths = [60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  const perPixel = chart.column_s / Math.max(x(1) - x(0), 0.01);
  const every = lengths.find((length) => length / perPixel >= 84) ?? 86400;
  // Labels are at times that are round by the reader's clocks.
  const offset = ahead(chart.from_ms) * 60;
  const first = Math.ceil((chart.from_ms / 1e3 + offset) / every) * every - offset;
  const last = chart.from_ms / 1e3 + chart.columns.length * chart.column_s;
  const labels = [];
  for (let time = first; time <= last; time += every) {
    const at = x((time - chart.from_ms / 1e3) / chart.column_s);
    if (at < M.left + 12 || at > width - 26) continue;
    labels.push(s("text", { x: at, y: 229, "text-anchor": "middle" }, (time + offset) % 86400 === 0 ? local(time * 1e3).slice(5, 10) : clock(time * 1e3, false)));
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
  const opened = SEVERITIES.map((name, i) => [c[3 + i], name]).filter(([n]) => n).reverse().map(([n, name]) => `${n} ${t(name)}`);
  const text = [`${plural(c[0], "event")}, ${short(c[0] / chart.column_s)}/s`, `${plural(c[2], "error")}, ${plural(c[1], "warning")}`];
  if (opened.length) text.push(t("opened: {0}", opened.join(", ")));
  tip.replaceChildren(h("b", {}, `${local(begin).slice(0, 10)} ${clock(begin)}`), ...text.flatMap((line) => [h("br"), line]));
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
  if (from !== null) chip.replaceChildren(t("{0} to {1}", clock(from), clock(to)), h("span", { "aria-label": t("remove") }, "✕"));
  drawChart();
  loadFiltered();
}
