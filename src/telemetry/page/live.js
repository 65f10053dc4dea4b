// News, what a person does, and the beginning of it all.

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
  setLive("live", t("live"));
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
  if (!page.missed) load().catch(() => setLive("lost", t("the filter does not answer")));
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
    setLive("lost", t("the filter does not answer"));
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
    setLive("lost", t("the filter does not answer"));
  }
}

function choose(chart) {
  page.chart = chart;
  page.cursor = null;
  for (const button of $("ranges").children) button.setAttribute("aria-pressed", String(Number(button.dataset.chart) === chart));
}

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
  $("more").addEventListener("click", () => loadMore().catch(() => setLive("lost", t("the filter does not answer"))));
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
$("zone").textContent = t("times are in {0}", zone(Date.now()));
wire();
await loadAll();
if (page.open.size && !page.rows.some((row) => row.id === linked)) {
  // It is far back in the list: the list becomes it.
  $("words").value = page.filter.q = linked;
  await loadFiltered();
}
listen();
