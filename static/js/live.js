// Keeps the figures of an open page up to date: it asks with the tag of what it shows, and most of
// the time hears that nothing is new. A page that nobody sees asks nothing.
(() => {
  "use strict";
  const EVERY = 1000; // milliseconds: with the time that events take to count, figures follow in two seconds
  const AFTER_FAILURE = 10000;
  const READING = 3000; // since the pointer last moved over a chart, or touched one
  const READING_FIGURES = 30000; // where that left figures beside a bar, as a touch does
  let timer = null;
  let asking = false;
  let readAt = -READING;

  const place = () => document.getElementById("content");
  const shown = () => document.querySelector("[data-live]");

  // Whoever has a menu open, reads a chart, types or marks text is not disturbed: the next time will do.
  const isBusy = () =>
    document.querySelector("details.menu[open], .htmx-request") !== null ||
    performance.now() - readAt < (document.querySelector(".hoverlayer .legend") ? READING_FIGURES : READING) ||
    document.activeElement?.matches("input, select, textarea") ||
    !document.getSelection().isCollapsed;

  const later = (wait) => {
    clearTimeout(timer);
    timer = document.hidden ? null : setTimeout(ask, wait);
  };

  // What has the focus is named by the nearest id and, inside of that, by where it leads to.
  const nameOf = (one) => {
    const near = one?.closest("#content [id]");
    if (!near) return null;
    const inside = one === near ? "" : one.matches("a[href]") ? ` a[href="${CSS.escape(one.getAttribute("href"))}"]` : ` ${one.localName}`;
    return `#${CSS.escape(near.id)}${inside}`;
  };

  const openTables = () => [...document.querySelectorAll("details.data[open]")].map(({ id }) => id).join(" ");

  const show = (html) => {
    const focused = nameOf(document.activeElement);
    const scrolled = [...document.querySelectorAll("details.data .scroll")].map((one) => [one.closest("details").id, one.scrollTop]);
    // What was read out once is not read out every second.
    htmx.swap(place(), html.replaceAll(' role="alert"', ""), { swapStyle: "innerHTML" });
    document.dispatchEvent(new Event("catacloud:refreshed"));
    for (const [id, top] of scrolled) document.querySelector(`#${CSS.escape(id)} .scroll`)?.scrollTo(0, top);
    if (focused) document.querySelector(focused)?.focus({ preventScroll: true });
  };

  const ask = async () => {
    const now = shown();
    if (!now || asking || isBusy()) return later(EVERY);
    const address = location.href;
    asking = true;
    try {
      const answer = await fetch(address, {
        cache: "no-store",
        headers: { "HX-Request": "true", "HX-Target": "content", "If-None-Match": now.dataset.live, "Open-Tables": openTables() },
      });
      if (answer.redirected) return; // the session has ended: there is nothing to ask for any more
      if (answer.status !== 304 && !answer.ok) return later(AFTER_FAILURE);
      const html = answer.status === 304 ? "" : await answer.text();
      if (html && address === location.href && now.isConnected && !isBusy()) show(html);
      later(EVERY);
    } catch {
      later(AFTER_FAILURE);
    } finally {
      asking = false;
    }
  };

  for (const name of ["pointermove", "pointerdown"]) {
    document.addEventListener(name, ({ target }) => {
      if (target.closest?.(".chart")) readAt = performance.now();
    });
  }
  document.addEventListener("visibilitychange", () => later(0));
  later(EVERY);
})();
