// What a page needs around htmx swaps: a friendly error, the focus, menus that close; and what copies.
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

  // The session has ended: the answer is the sign-in page, which is no part of this one.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr, requestConfig } = event.detail;
    const came = new URL(xhr.responseURL || location.href, location.href);
    const asked = new URL(requestConfig.path, location.href);
    if (came.pathname === asked.pathname) return;
    event.preventDefault();
    location.reload();
  });

  // A link in a menu is gone from sight after its swap: the focus goes to the menu's button.
  document.addEventListener("htmx:afterSettle", (event) => {
    const from = event.detail.requestConfig?.elt?.closest("[data-focus]");
    if (from) document.getElementById(from.dataset.focus)?.focus({ preventScroll: true });
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

  const closeMenus = (but) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== but) menu.open = false;
    }
  };

  document.addEventListener("click", ({ target }) => target.matches(".copy") && copy(target));
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.activeElement?.closest("details.menu[open]")?.querySelector("summary").focus();
    closeMenus(null);
  });
})();
