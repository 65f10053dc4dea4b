// What is wrong now, and how the filter fares.

function drawStatus() {
  const status = page.status;
  const [info, warning, critical] = status.open;
  const open = info + warning + critical;
  const parts = [[critical, "critical"], [warning, "warning"], [info, "info"]].filter(([n]) => n);
  const worst = parts.map(([n, name]) => t(`{0} ${name}`, count(n)));
  const joined = worst.length > 1 ? t("{0} and {1}", worst.slice(0, -1).join(t(", ")), worst.at(-1)) : worst[0];
  const opened = status.opened.reduce((sum, n) => sum + n, 0);
  $("verdict").textContent = open ? t(open === 1 ? "{0} incident open" : "{0} incidents open", joined) : status.events ? t("Nothing is wrong now") : t("Waiting for events");
  document.title = open ? `(${count(open)}) seismolog` : "seismolog";
  $("verdict-more").textContent = status.events
    ? t("{0} in {1} since the start, {2} ago", plural(opened, "incident"), plural(status.events, "event"), duration(Math.round(status.uptime_s)))
    : t("No event has come in yet; this page fills as they come.");
  drawUnread();
  $("version").textContent = t("version {0}", status.version);

  page.rate.push([performance.now(), status.events]);
  while (page.rate.length > 11) page.rate.shift();
  const [first, last] = [page.rate[0], page.rate.at(-1)];
  const seconds = (last[0] - first[0]) / 1e3;
  tile("t-rate", seconds > 0.5 ? short((last[1] - first[1]) / seconds) : "–", "/s");
  const minute = (page.charts[0]?.columns ?? []).slice(-12);
  const [events, errors] = [0, 2].map((i) => minute.reduce((sum, column) => sum + column[i], 0));
  tile("t-errors", events ? `${Number(((errors / events) * 100).toPrecision(2))} %` : "–", t("last min"));
  tile("t-open", short(open), t("of {0}", short(opened)));
  // Of a stream of other days the hours say nothing.
  const lag = Math.max(status.lag_s ?? 0, 0);
  tile("t-lag", status.lag_s === null ? "–" : duration(lag > 2 * 86400 ? Math.floor(lag / 86400) * 86400 : lag), "");
  drawLatency();
  drawModules();
  drawWork();
  drawHealth();
}

/** Says what most events lack: detectors find nothing in what is not read. */
function drawUnread() {
  const { events, unread } = page.status;
  const without = Object.fromEntries(unread);
  const lacks = (role) => events >= 100 && without[role] * 2 > events;
  // Requests say by their status how they ended, and need no level.
  const lacking = [["timestamp", t("a time")], ["level", t("a level")]].filter(([role]) => lacks(role) && (role !== "level" || lacks("operation")));
  $("unread").hidden = !lacking.length;
  const sentences = lacking.map(([role, name]) => t("{0} of {1} events have {2}.", count(Math.max(events - without[role], 0)), count(events), name));
  if (lacking.length) $("unread").textContent = `${sentences.join(" ")} ${t("seismolog inspect --summary FILE, with a file of this stream, says what was read and what to set.")}`;
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
      h("span", { class: "clamp", title: `${of.name}: ${plural(of.count, "call")}` }, of.name),
      s("svg", { class: "plot", role: "img", "aria-label": `p50 ${duration(of.p50)}, p90 ${duration(of.p90)}, p99 ${duration(of.p99)}` },
        s("line", { class: "track", x1: 0, x2: "100%", y1: 7, y2: 7 }),
        s("line", { x1: at(of.p50), x2: at(of.p99), y1: 7, y2: 7 }),
        s("circle", { class: "p50", cx: at(of.p50), cy: 7, r: 3.5 }),
        s("circle", { class: "p99", cx: at(of.p99), cy: 7, r: 4 })),
      duration(of.p50), duration(of.p99),
    ],
  }));
  fill($("latency"), [[t("Operation"), ""], [t("p50 to p99"), "", true], ["p50", "num"], ["p99", "num"]], rows, t("No event with a duration yet."));
}

function drawModules() {
  const most = Math.max(1, ...page.status.modules.map((of) => of.events));
  const rows = page.status.modules.map((of) => {
    const [bar, bad] = [h("div", { class: "bar" }), h("div", { class: "bad" })];
    bar.style.width = `${Math.max(1, (of.events / most) * 100)}%`;
    bad.style.width = `${(of.errors / of.events) * 100}%`;
    bar.append(bad);
    return {
      key: [of.name, of.events, of.errors],
      cells: [h("span", { class: "wrap" }, of.name, bar), count(of.events), of.errors ? `${Number(((of.errors / of.events) * 100).toPrecision(2))} %` : ""],
    };
  });
  fill($("modules"), [[t("Module"), ""], [t("Events"), "num"], [t("Errors"), "num"]], rows, t("No event of a module yet."));
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
  fill($("templates"), [[t("Events"), "num"], [t("Template"), ""]], rows, t("No template yet."));
}

function drawWork() {
  const { detectors, rules } = page.status;
  const share = (cpu) => (cpu === null ? "" : duration(cpu));
  const rows = [
    ...detectors.map((of) => ({ key: [of.name, of.opened, of.cpu_s], cells: [of.name, plural(of.opened, "incident"), share(of.cpu_s)] })),
    ...rules.map((of) => ({
      key: [of.name, of.evaluations, of.failures, of.enabled, of.cpu_s],
      cells: [
        h("span", {}, t("rule {0}", of.name), of.enabled ? null : h("span", { class: "off" }, ` ${t("off")}`)),
        h("span", {}, plural(of.evaluations, "call"), of.failures ? h("span", { class: "off" }, `, ${t("{0} failed", count(of.failures))}`) : null),
        share(of.cpu_s),
      ],
    })),
  ];
  fill($("work"), [[t("Name"), ""], [t("Work"), "num"], [t("CPU time"), "num"]], rows, t("No detector is on."));
}

function drawHealth() {
  const { faults, tables, sinks, read_bytes, written_bytes } = page.status;
  const bytes = (n) => `${short(n)}B`.replace(/(\d)B/, "$1 B");
  const row = (name, value, bad) => ({ key: [name, value], cells: [name, h("span", { class: bad ? "off" : "" }, value)] });
  const rows = [
    row(t("read, written"), `${bytes(read_bytes)}, ${bytes(written_bytes)}`),
    ...sinks.map((of) => row(t("sink {0}", of.name), `${of.up ? t("delivers") : t("does not answer")}${of.pending ? `, ${t("{0} wait", count(of.pending))}` : ""}${of.lost ? `, ${t("{0} lost", count(of.lost))}` : ""}`, !of.up || of.lost)),
    ...faults.map(([name, n]) => row(t("fault {0}", name.replaceAll("_", " ")), count(n))),
    row(t("keys in memory"), count(tables.reduce((sum, of) => sum + of.keys, 0))),
    ...tables.filter((of) => of.evictions).map((of) => row(t("table {0}", of.name.replaceAll("_", " ")), `${plural(of.keys, "key")}, ${t("{0} evicted", count(of.evictions))}`, true)),
  ];
  fill($("health"), [[t("What"), "", true], [t("Value"), "num", true]], rows, "");
}
