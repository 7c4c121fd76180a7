// Keeps the figures of an open page up to date: it asks with the tag of what it shows, and most of
// the time hears that nothing is new. A page that nobody sees asks nothing.
(() => {
  "use strict";
  const EVERY = 1000; // milliseconds: with the time that events take to count, figures follow in two seconds
  const AFTER_FAILURE = 10000;
  const READING = 3000; // since the pointer last moved over a chart, or touched one
  const READING_FIGURES = 30000; // where that left figures beside a bar, as a touch does
  const ROW = "details.event"; // of a list: it stays open, and where it is
  let timer = null;
  let asking = false;
  let readAt = -READING;

  const shown = () => document.querySelector("[data-live]");
  const place = () => shown()?.closest("[data-refresh]") ?? document.getElementById("content");

  // What was typed into a row that is open, such as why an event should not count.
  const isTyped = (field) => field.type !== "hidden" && field.value !== field.defaultValue;
  const isTyping = () =>
    (place().contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) ||
    [...place().querySelectorAll(`${ROW}[open] input`)].some(isTyped);

  // Whoever has a menu open, reads a chart, types or marks text is not disturbed: the next time will do.
  const isBusy = () =>
    document.querySelector("details.menu[open], .htmx-request") !== null ||
    performance.now() - readAt < (document.querySelector(".hoverlayer .legend") ? READING_FIGURES : READING) ||
    isTyping() ||
    !document.getSelection().isCollapsed;

  const later = (wait) => {
    clearTimeout(timer);
    timer = document.hidden ? null : setTimeout(ask, wait);
  };

  // What has the focus is named by the nearest id and, inside of that, by where it leads to.
  const nameOf = (one) => {
    const near = one?.closest("[id]");
    if (!near) return null;
    const inside = one === near ? "" : one.matches("a[href]") ? ` a[href="${CSS.escape(one.getAttribute("href"))}"]` : ` ${one.localName}`;
    return `#${CSS.escape(near.id)}${inside}`;
  };

  const openTables = () => [...document.querySelectorAll("details.data[open]")].map(({ id }) => id).join(" ");

  const topOf = (id) => document.getElementById(id)?.getBoundingClientRect().top;

  // Who has scrolled sees what was seen, however much came above it: that which is first in sight.
  const firstInSight = () =>
    scrollY > 0 ? [...place().querySelectorAll(`${ROW}[id], section[id], figure [id], button[id]`)].find(({ id }) => topOf(id) >= 0)?.id : undefined;

  const show = (html) => {
    const focused = nameOf(document.activeElement);
    const scrolled = [...document.querySelectorAll("details.data .scroll")].map((one) => [one.closest("details").id, one.scrollTop]);
    const open = [...document.querySelectorAll(`${ROW}[open], details.data[open]`)].map(({ id }) => id);
    const seen = firstInSight();
    const before = topOf(seen);
    // What was read out once is not read out every second.
    htmx.swap(place(), html.replaceAll(' role="alert"', ""), { swapStyle: place().dataset.refresh ?? "innerHTML" });
    document.dispatchEvent(new Event("catacloud:refreshed"));
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const [id, top] of scrolled) document.querySelector(`#${CSS.escape(id)} .scroll`)?.scrollTo(0, top);
    if (focused && document.activeElement === document.body) document.querySelector(focused)?.focus({ preventScroll: true });
    if (seen) scrollBy({ top: (topOf(seen) ?? before) - before, behavior: "instant" });
  };

  const ask = async () => {
    const now = shown();
    if (!now || asking || isBusy()) return later(EVERY);
    const address = location.href;
    asking = true;
    try {
      const answer = await fetch(address, {
        cache: "no-store",
        headers: { "HX-Request": "true", "HX-Target": place().id, "If-None-Match": now.dataset.live, "Open-Tables": openTables() },
      });
      if (answer.redirected) return; // the session has ended: there is nothing to ask for any more
      if (answer.status !== 304 && !answer.ok) return later(AFTER_FAILURE);
      const html = answer.status === 304 ? "" : await answer.text();
      if (html && address === location.href && now.isConnected && !isBusy()) show(html);
      later(Number(answer.headers.get("Ask-Again-After")) || EVERY); // milliseconds, where more is being made
    } catch {
      later(AFTER_FAILURE);
    } finally {
      asking = false;
    }
  };

  // What stands elsewhere on the page, such as the banner of a budget, is read out, and swapped under
  // who reads it, when it says something else, and not every second.
  document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
    const [now, then] = [detail.target, detail.fragment].map((one) => one.textContent.trim().replace(/\s+/g, " "));
    if (["budget-banner", "uncounted"].includes(detail.target.id) && now === then) detail.shouldSwap = false;
  });
  for (const name of ["pointermove", "pointerdown"]) {
    document.addEventListener(name, ({ target }) => {
      if (target.closest?.(".chart")) readAt = performance.now();
    });
  }
  document.addEventListener("visibilitychange", () => later(0));
  later(EVERY);
})();
