// Draws a chart when somebody points at it: <div class="chart" data-figure="id of its json_script">.
// The server has drawn it already, as a still picture; the library is fetched when all else is done,
// and read when it is needed. This script says how charts look: theme, width, ticks.
(() => {
  "use strict";
  const LIBRARY = document.currentScript.dataset.library;
  const MANY = 45; // bars, between which there is no room for a line
  const WIDE = 832, NARROW = 416; // as the stylesheet has it for still pictures
  const LANGUAGE = document.documentElement.lang || "en";
  const CONFIG = { displayModeBar: false, responsive: false, scrollZoom: false, locale: LANGUAGE };

  // Names of months and days, as the browser knows them: Plotly itself has only the English ones.
  const named = (style, count, at) => {
    const { format } = new Intl.DateTimeFormat(LANGUAGE, { ...style, timeZone: "UTC" });
    return Array.from({ length: count }, (_, n) => format(at(n)));
  };
  const month = (n) => Date.UTC(2026, n, 1);
  const weekday = (n) => Date.UTC(2026, 10, 1 + n); // which was a Sunday
  const learnNames = () => {
    if (LANGUAGE === "en") return;
    const format = {
      months: named({ month: "long" }, 12, month),
      shortMonths: named({ month: "short" }, 12, month),
      days: named({ weekday: "long" }, 7, weekday),
      shortDays: named({ weekday: "short" }, 7, weekday),
    };
    Plotly.register({ moduleType: "locale", name: LANGUAGE, dictionary: {}, format });
  };

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // light-dark() is resolved only where it is used as a colour.
  const probe = document.createElement("span");
  const colour = (name) => {
    if (!probe.isConnected) document.body.append(probe);
    probe.className = `probe ${name}`;
    return getComputedStyle(probe).color;
  };

  const dressTrace = (trace, look) => {
    const hue = trace.meta.hue;
    if (hue === "before") return { ...trace, line: { ...trace.line, color: look.second, width: 1.3 } };
    if (hue === "sum") return { ...trace, line: { width: 0, color: "rgba(0,0,0,0)" } };
    if (hue === "band") return { ...trace, line: { width: 0 }, marker: { size: 1, color: look.band }, fillcolor: look.band };
    if (hue === "expected") return { ...trace, line: { ...trace.line, color: look.accent, width: 1.6 }, marker: { size: 5, color: look.accent } };
    const own = colour(`s${hue}`);
    if (trace.type === "bar") {
      return { ...trace, marker: { ...trace.marker, color: own, line: { color: look.card, width: trace.x.length > MANY ? 0 : 1 } } };
    }
    return {
      ...trace,
      line: { color: own, width: 2 },
      marker: { color: own, size: trace.x.length > 1 ? 4 : 9 },
      fillcolor: own.replace("rgb(", "rgba(").replace(")", ", 0.12)"),
    };
  };

  // The same as below the still picture, so that a phone gets fewer, not smaller ones.
  const fittingTicks = ({ few, some, many }, width) => {
    const { at, text } = width >= WIDE ? many : width >= NARROW ? some : few;
    return { tickmode: "array", tickvals: at, ticktext: text, tickangle: 0 };
  };

  const dressShape = (shape, look) =>
    shape.type === "line" ? { ...shape, line: { ...shape.line, color: look.second } } : { ...shape, fillcolor: look.toCome };

  // A note that is alone has its text where there is room, else its number in the list beside the chart.
  const dressNote = (note, look, hasRoom) => ({
    ...note,
    ...(hasRoom ? { text: note.hovertext, xanchor: "left" } : {}),
    font: { size: 11.5, color: look.second },
  });

  // As wide as the longest value at it, such as 2,000 EUR.
  const leftOf = ({ ticktext = [] }) => Math.max(58, 18 + 6.4 * Math.max(0, ...ticktext.map((text) => text.length)));

  const dressLayout = (layout, look, size) => {
    const axis = { zeroline: false, ticks: "outside", ticklen: 6, tickcolor: "rgba(0,0,0,0)", tickfont: { size: 11.5, color: look.second } };
    return {
      ...layout,
      width: size.width,
      height: size.height,
      margin: { l: leftOf(layout.yaxis), r: layout.meta.names ? 18 : 4, t: layout.annotations ? 20 : 8, b: 28 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: look.font, size: 12.5, color: look.ink },
      hoverlabel: { bgcolor: look.card, bordercolor: look.line, font: { color: look.ink, size: 12.5 } },
      xaxis: { ...axis, ...layout.xaxis, showgrid: false, ...fittingTicks(layout.meta.ticks, size.width) },
      yaxis: { ...axis, ...layout.yaxis, gridcolor: look.line, gridwidth: 1 },
      shapes: layout.shapes.map((shape) => dressShape(shape, look)),
      annotations: (layout.annotations || []).map((note, _, all) => dressNote(note, look, all.length === 1 && size.width >= WIDE)),
    };
  };

  const look = () => ({
    ink: colour("ink"), second: colour("second"), line: colour("line"), card: colour("card-colour"),
    toCome: colour("to-come"), accent: colour("accent"), band: colour("band"), font: css("--font"),
  });

  const draw = (chart) => {
    const source = document.getElementById(chart.dataset.figure);
    if (!source || !chart.clientWidth) return;
    const figure = JSON.parse(source.textContent);
    const now = look();
    const size = { width: chart.clientWidth, height: chart.clientHeight };
    const traces = figure.data.map((trace) => dressTrace(trace, now));
    resizes.observe(chart);
    return Plotly.react(chart, traces, dressLayout(figure.layout, now, size), CONFIG).then(() => {
      if (!chart.dataset.drawn) lead(chart, figure.layout.meta);
      chart.dataset.drawn = String(Number(chart.dataset.drawn || 0) + 1);
    });
  };

  let library = null;
  const read = () => {
    library ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = LIBRARY;
      script.addEventListener("load", () => resolve(learnNames()));
      script.addEventListener("error", () => reject((library = null)));
      document.head.append(script);
    });
    return library;
  };

  // Fetched, but not read: a phone has better things to do than to read what nobody may want.
  const fetchAhead = () => {
    if (navigator.connection?.saveData) return;
    const link = document.createElement("link");
    Object.assign(link, { rel: "prefetch", as: "script", href: LIBRARY });
    document.head.append(link);
  };

  // Whoever points at a picture points at the chart in its place, too.
  const woken = new WeakSet();
  const wake = async ({ target, clientX, clientY }) => {
    const chart = target.closest?.(".chart[data-figure]");
    if (!chart || woken.has(chart)) return;
    woken.add(chart);
    try {
      await Promise.all([read(), document.fonts.ready]); // text is measured in the right font
      await draw(chart);
      const at = { clientX, clientY, bubbles: true };
      chart.querySelector(".nsewdrag")?.dispatchEvent(new MouseEvent("mousemove", at));
    } catch {
      woken.delete(chart); // there is still the picture, and another time
    }
  };
  document.addEventListener("pointerover", (event) => event.pointerType === "touch" || wake(event));
  document.addEventListener("click", wake); // and not a touch, which may be the start of scrolling

  // Plotly may still be at the bar that was pointed at before, where somebody clicks at once.
  const clicked = (chart, { x, xaxis, data }, { clientX }) => {
    if (clientX === undefined) return x; // a touch, which points at nothing before
    const at = clientX - chart.getBoundingClientRect().left - xaxis._offset;
    const away = (one) => Math.abs(xaxis.d2p(one) - at);
    return Array.from(data.x).reduce((best, one) => (away(one) < away(best) ? one : best), x);
  };

  // A bar leads on; so does the table beside the chart, for who has no pointer.
  const lead = (chart, { links, lead: days }) => {
    if (!links && !days) return;
    const ofDay = (day) => day <= days.last && days.to.replaceAll("{day}", day);
    chart.classList.add("leads");
    const whither = (x) => (days ? ofDay(String(x).slice(0, 10)) : links[x]);
    chart.on("plotly_click", ({ points, event }) => {
      const to = points.map((point) => whither(clicked(chart, point, event))).find(Boolean);
      if (to) location.assign(to);
    });
  };

  // Without this script tables are open, as the server sends them; with it they open on demand. What
  // is swapped comes with those that are open, and each of the others when it is opened.
  // Which those are is kept in this tab, for who goes from one to the events of an hour, and back.
  const KEY = "catacloud-tables";
  const kept = () => {
    try {
      return JSON.parse(sessionStorage.getItem(KEY) || "[]");
    } catch {
      return []; // storage is switched off
    }
  };
  const keep = () => {
    try {
      sessionStorage.setItem(KEY, JSON.stringify([...opened]));
    } catch {
      // they stay open as long as the page
    }
  };
  const opened = new Set(kept());
  const fold = () => {
    for (const data of document.querySelectorAll("details[data-fold]")) {
      data.open = opened.has(data.id);
      delete data.dataset.fold;
    }
  };
  document.addEventListener("toggle", ({ target }) => {
    if (!target.matches?.("details.data") || target.dataset.fold !== undefined) return;
    if (target.open) opened.add(target.id);
    else opened.delete(target.id);
    keep();
  }, true);
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    detail.headers["Open-Tables"] = [...opened].join(" ");
  });

  const resizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.isConnected && target._fullLayout?.width !== target.clientWidth) draw(target);
    }
  });

  const drawAgain = () => document.querySelectorAll(".chart[data-drawn]").forEach(draw);

  // htmx says this of every node that it removes, texts too.
  const remove = (node) => {
    if (!(node instanceof Element) || !node.matches(".chart[data-drawn]")) return;
    resizes.unobserve(node);
    Plotly.purge(node);
  };

  const start = () => {
    fold();
    const idle = window.requestIdleCallback || setTimeout;
    if (document.readyState === "complete") idle(fetchAhead);
    else window.addEventListener("load", () => idle(fetchAhead));
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
  for (const name of ["htmx:afterSwap", "htmx:historyRestore", "catacloud:refreshed"]) document.addEventListener(name, fold);
  document.addEventListener("htmx:beforeCleanupElement", (event) => remove(event.target));
  document.addEventListener("catacloud:theme", drawAgain);
})();
