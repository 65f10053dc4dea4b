// The list of incidents, and each with its evidence.

function query(more = {}) {
  const all = { ...page.filter, order: "worst", limit: PAGE, ...more };
  return new URLSearchParams(Object.entries(all).filter(([, value]) => value !== "" && value !== undefined)).toString();
}

/** The list anew, as long as it was. */
async function load() {
  const asked = ++page.asked;
  let rows = [];
  let list;
  do {
    list = await ask(`/api/incidents?${query({ limit: Math.min(page.shown - rows.length, MOST), offset: rows.length })}`);
    // A later question has been asked meanwhile.
    if (asked !== page.asked) return;
    rows = rows.concat(list.incidents);
  } while (list.incidents.length && rows.length < Math.min(page.shown, list.matched));
  page.loadedAt = performance.now();
  page.rows = rows;
  page.matched = list.matched;
  remember(rows);
  drawList();
}

function remember(rows) {
  for (const { serial } of rows) page.newest = Math.max(page.newest, serial);
}

/** The order of the list: open ones, the worst first; then what has ended; of what is alike the newest first. */
function inOrder(a, b) {
  const rank = (row) => (row.state === "resolved" ? -1 : SEVERITIES.indexOf(row.severity));
  return rank(b) - rank(a) || b.serial - a.serial;
}

/** The list by another filter, from its begin. */
function loadFiltered() {
  page.shown = PAGE;
  return load();
}

async function loadMore() {
  const list = await ask(`/api/incidents?${query({ offset: page.rows.length })}`);
  const first = page.rows.length;
  // Some may have moved down meanwhile.
  const known = new Set(page.rows.map((row) => row.id));
  page.rows.push(...list.incidents.filter((row) => !known.has(row.id)));
  page.shown = page.rows.length;
  page.matched = list.matched;
  remember(list.incidents);
  drawList();
  $("list").querySelectorAll(".incident")[first]?.querySelector("button").focus();
}

/** Text, written only where it differs: to write it costs a layout. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Makes `items` the children of `list`, and moves only what is not where it should be; what has the focus keeps it. */
function arrange(list, items) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const wanted = new Set(items);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  let at = list.firstElementChild;
  for (const item of items) {
    if (item === at) at = at.nextElementSibling;
    else list.insertBefore(item, at);
  }
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

function describeRow(row) {
  const ended = row.state === "resolved";
  const now = page.status?.now_ms ?? row.said_ms;
  const lasted = row.duration_s ?? Math.max(0, (now - row.opened_ms) / 1e3);
  const what = row.detector === "rule" ? t("rule {0}", row.rule ?? row.kind) : `${row.detector}/${row.kind}`;
  const meta = [what, plural(row.count, "event")];
  if (row.silenced) meta.push(t("silenced"));
  // One announcement and nothing after it has no length.
  if (ended && lasted >= 0.1) meta.push(t("lasted {0}", duration(lasted)));
  return { ended, meta: meta.join(" · "), state: ended ? t("ended") : t("open {0}", duration(lasted < 60 ? Math.floor(lasted) : Math.floor(lasted / 60) * 60)) };
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
        h("time", { class: "when", datetime: iso(row.opened_ms), title: `${local(row.opened_ms)} ${zone(row.opened_ms)}` }, moment(row.opened_ms)),
        h("span", { class: "meta" }, meta),
        h("span", { class: `state ${ended ? "" : "open"}` }, state));
      const detail = item.querySelector(".detail");
      item.replaceChildren(button, ...(detail ? [detail] : []));
      if (page.open.has(row.id)) showDetail(row.id, item);
      if (had) button.focus();
    } else setText(item.querySelector(".state"), state);
    return item;
  });
  list.classList.toggle("many", items.length > 2 * PAGE);
  arrange(list, items.length ? grouped(items) : [emptyList()]);
  $("matched").textContent = plural(page.matched, "incident");
  $("more").hidden = page.rows.length >= page.matched;
  $("more").textContent = t("Show more ({0} left)", count(page.matched - page.rows.length));
}

/** Headings between what is open and what has ended, where both are meant. */
const heading = (text) => h("li", { class: "group" }, h("h3", {}, text));
const headings = [heading(t("Open now")), heading(t("Ended"))];

function grouped(items) {
  const ended = page.rows.findIndex((row) => row.state === "resolved");
  if (page.filter.state || ended === 0) return items;
  const open = ended < 0 ? items.length : ended;
  return [headings[0], ...items.slice(0, open), ...(ended < 0 ? [] : [headings[1], ...items.slice(open)])];
}

const hasFilter = () => Object.values(page.filter).some((value) => value !== "");

function emptyList() {
  return hasFilter()
    ? h("li", { class: "empty" }, h("b", {}, t("No incident like that")), t("Other words, or another moment, may find some."))
    : h("li", { class: "empty" }, h("b", {}, t("No incident so far")), t("What is normal is learned while the stream runs; what is not will stand here the moment it begins."));
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
  const lines = (title, of, whole = "") => (of.length ? block(title, h("div", { class: `lines${whole}`, tabindex: 0, role: "region", "aria-label": title }, h("ol", {}, of.map((line) => h("li", {}, line))))) : null);
  const note = (title, text) => (text ? h("div", { class: "note" }, h("b", {}, title), text) : null);
  const { meaning, next_step: nextStep, odds } = incident.told;
  const paragraph = (title, text) => (text ? block(title, h("p", {}, text)) : null);
  // What only a rule's one event says stands above already.
  const numbers = incident.detector === "rule" && !meaning ? null
    : h("details", { class: "numbers" }, h("summary", {}, t("Evidence in numbers")), odds ? h("p", {}, odds) : null,
      h("dl", { class: "facts" }, incident.details.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
  const detail = h("div", { class: "detail", id: `d-${id}` },
    h("div", { class: "row" },
      incident.key.map(([name, value]) => h("span", { class: "tag" }, h("span", { class: "muted" }, `${t(name)} `), value)),
      incident.respond_within && incident.state !== "resolved" ? h("span", { class: "tag due" }, t("respond within {0}", incident.respond_within)) : null),
    incident.situation ? note(t("One of {0} incidents with one cause", count(incident.situation.incidents)), t("{0} · here because {1}", incident.situation.title, incident.situation.reason)) : null,
    note(t("Cause"), incident.cause), note(t("Remedy"), incident.remedy),
    paragraph(t("What it means"), meaning), paragraph(t("Next step"), nextStep),
    lines(t("Lines that led up to it"), incident.context),
    lines(t("Lines"), incident.example),
    incident.line ? lines(t("The event that showed it"), [incident.line], " whole") : null,
    incident.forgotten ? h("p", {}, t("Its lines and numbers have made room for newer ones.")) : null,
    numbers,
    h("div", { class: "row muted" }, t("opened {0} · incident {1}", `${local(incident.opened_ms)} ${zone(incident.opened_ms)}`, incident.id),
      h("button", { class: "plain", type: "button", onclick: (e) => copy(e.currentTarget, incident) }, t("Copy as JSON"))));
  const before = item.querySelector(".detail");
  if (numbers && before?.querySelector("details")?.open) numbers.open = true;
  before?.remove();
  item.append(detail);
}

async function copy(button, incident) {
  try {
    await navigator.clipboard.writeText(JSON.stringify(incident, null, 1));
    button.textContent = t("Copied");
  } catch {
    button.textContent = t("The browser does not allow it");
  }
}

function takeChanged(changed) {
  const fresh = changed.filter((row) => row.serial > page.newest);
  remember(changed);
  const rows = new Map(page.rows.map((row) => [row.id, row]));
  const moved = changed.some((row) => rows.has(row.id) && inOrder(row, rows.get(row.id)));
  const isWhole = page.rows.length >= page.matched;
  if (hasFilter()) {
    // Whether it belongs here is the filter's to say.
    catchUp();
  } else {
    for (const row of changed) rows.set(row.id, row);
    page.rows = [...rows.values()].sort(inOrder);
    // What moves out below comes back with "Show more"; what somebody reads stays.
    while (page.rows.length > page.shown && !page.open.has(page.rows.at(-1).id)) page.rows.pop();
    page.matched = page.status.kept;
    drawList();
    // What comes after a row that has gone down is not here yet.
    if (moved && !isWhole) catchUp();
  }
  // In a storm nothing blinks.
  if (fresh.length <= FEW) for (const row of fresh) $("list").querySelector(`[data-id="${CSS.escape(row.id)}"]`)?.classList.add("new");
  const worst = fresh.sort((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity))[0];
  if (worst) $("announce").textContent = fresh.length === 1 ? t("New {0} incident: {1}", t(worst.severity), worst.summary) : t("{0} new incidents, the worst {1}: {2}", fresh.length, t(worst.severity), worst.summary);
}
