// The field that finds an organisation: arrows choose among what is suggested, Enter goes there,
// Escape closes, and / comes to it from anywhere unless that is switched off. What is listened to
// is the document, for Back replaces all that is in it.
(() => {
  "use strict";
  const KEY = "catacloud-shortcut";
  const byId = (id) => document.getElementById(id);
  const options = () => [...byId("found").querySelectorAll("a[role=option]")];
  const chosen = () => byId("found").querySelector("[aria-selected=true]");

  const choose = (option) => {
    chosen()?.removeAttribute("aria-selected");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) byId("finder").setAttribute("aria-activedescendant", option.id);
    else byId("finder").removeAttribute("aria-activedescendant");
  };

  const show = (open) => {
    byId("found").hidden = !open;
    byId("finder").setAttribute("aria-expanded", String(open));
    if (!open) choose(null);
  };

  // From the last to the first goes by way of the field itself, where nothing is chosen.
  const step = (by) => {
    if (byId("found").hidden) return show(byId("found").children.length > 0);
    const all = [null, ...options()];
    const place = all.indexOf(chosen()) + by;
    choose(all[(place + all.length) % all.length]);
  };

  const inField = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && chosen()) {
      event.preventDefault();
      chosen().click();
    } else if (event.key === "Escape" && !byId("found").hidden) {
      event.preventDefault(); // the next one empties the field
      show(false);
    }
  };

  const toField = (event) => {
    if (event.key !== "/" || !byId("shortcut")?.checked) return;
    if (event.target.closest?.("input, select, textarea, [contenteditable]")) return;
    event.preventDefault();
    byId("finder").focus();
    byId("finder").select();
  };

  const isOn = () => {
    try {
      return localStorage.getItem(KEY) !== "off";
    } catch {
      return true; // storage is switched off
    }
  };

  const turn = (on) => {
    try {
      localStorage.setItem(KEY, on ? "on" : "off");
    } catch {
      // the choice lasts as long as the page
    }
    document.documentElement.classList.toggle("no-shortcut", !on);
  };

  const begin = () => {
    if (byId("shortcut")) byId("shortcut").checked = isOn();
    document.documentElement.classList.toggle("no-shortcut", !isOn());
  };

  document.addEventListener("DOMContentLoaded", begin);
  document.addEventListener("htmx:historyRestore", begin);
  document.addEventListener("change", ({ target }) => target.id === "shortcut" && turn(target.checked));
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.id === "finder") inField(event);
    else toField(event);
  });
  document.addEventListener("htmx:afterSwap", ({ target }) => {
    if (target.id !== "found") return;
    choose(null);
    show(target.children.length > 0 && document.activeElement?.id === "finder");
  });
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    if (target.id === "finder" && !relatedTarget?.closest("#found")) show(false);
  });
  document.addEventListener("mousedown", (event) => {
    if (event.target.closest?.("#found")) event.preventDefault(); // the focus stays in the field
  });
})();
