// What a page needs around htmx swaps: a friendly error, the focus, what is read out, menus that
// close; and what copies.
(() => {
  "use strict";

  const showError = (hidden) => {
    const error = document.getElementById("swap-error");
    if (error) error.hidden = hidden;
  };

  document.addEventListener("htmx:beforeRequest", () => showError(true));
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout", "htmx:swapError"]) {
    document.addEventListener(name, () => showError(false));
  }

  // A form sends its empty fields, too: an address holds what was chosen.
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (detail.verb !== "get") return;
    for (const [name, value] of [...detail.formData]) {
      if (value === "") detail.formData.delete(name);
    }
  });

  // The session has ended: the answer is the sign-in page, which is no part of this one. Where
  // nobody asked but uploads that ended, the page stays: it says so, and they can still go on.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr, requestConfig } = event.detail;
    const came = new URL(xhr.responseURL || location.href, location.href);
    const asked = new URL(requestConfig.path, location.href);
    if (came.pathname === asked.pathname) return;
    event.preventDefault();
    if (requestConfig.triggeringEvent?.type !== "catacloud:uploaded") location.reload();
  });

  // A link in a menu is gone from sight after its swap: the focus goes to the menu's button. Where
  // what had it is gone altogether, such as the link to a last page, it goes to what came instead.
  const keepFocus = (from, place) => {
    const named = from.closest("[data-focus]");
    if (named) return document.getElementById(named.dataset.focus)?.focus({ preventScroll: true });
    if (from.isConnected || document.activeElement !== document.body) return;
    const heading = place?.querySelector("h1, h2");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
  };

  // Who does not see what came is told in a few words: how much was found.
  const announce = (place) => {
    const said = place?.querySelector("[data-said]")?.textContent.trim();
    const status = document.getElementById("announced");
    if (said && status && status.textContent !== said) status.textContent = said;
  };

  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    const from = detail.requestConfig?.elt;
    if (!from) return; // a page that refreshes itself disturbs nobody
    const place = document.getElementById(detail.target.id);
    keepFocus(from, place);
    announce(place);
  });

  // Where the clipboard is closed to a page, the text is marked, to be copied by hand.
  const copy = async (button) => {
    const text = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(text.textContent.trim());
      button.textContent = button.dataset.copied;
    } catch {
      document.getSelection().selectAllChildren(text);
    }
  };

  // A menu begins where its button does; where it would leave the window, it ends there.
  const place = ({ target: menu }) => {
    const sheet = menu.matches?.("details.menu[open]") && menu.querySelector(".sheet");
    if (!sheet) return;
    sheet.classList.remove("flipped");
    sheet.classList.toggle("flipped", sheet.getBoundingClientRect().right > document.documentElement.clientWidth);
  };

  const closeMenus = (but) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== but) menu.open = false;
    }
  };

  document.addEventListener("toggle", place, true);
  document.addEventListener("click", ({ target }) => target.matches(".copy") && copy(target));
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.activeElement?.closest("details.menu[open]")?.querySelector("summary").focus();
    closeMenus(null);
  });
})();
