// The field that finds an organisation: arrows choose among what is suggested, Enter goes there,
// Escape closes, and / comes to it from anywhere unless that is switched off.
(() => {
  "use strict";
  const KEY = "catacloud-shortcut";
  let field, list, shortcut;

  const options = () => [...list.querySelectorAll("a[role=option]")];
  const chosen = () => list.querySelector("[aria-selected=true]");

  const choose = (option) => {
    chosen()?.removeAttribute("aria-selected");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) field.setAttribute("aria-activedescendant", option.id);
    else field.removeAttribute("aria-activedescendant");
  };

  const show = (open) => {
    list.hidden = !open;
    field.setAttribute("aria-expanded", String(open));
    if (!open) choose(null);
  };

  // From the last to the first goes by way of the field itself, where nothing is chosen.
  const step = (by) => {
    if (list.hidden) return show(list.children.length > 0);
    const all = [null, ...options()];
    const place = all.indexOf(chosen()) + by;
    choose(all[(place + all.length) % all.length]);
  };

  const onKey = (event) => {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && chosen()) {
      event.preventDefault();
      chosen().click();
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault(); // the next one empties the field
      show(false);
    }
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

  const onShortcut = (event) => {
    if (event.key !== "/" || event.altKey || event.ctrlKey || event.metaKey || !shortcut.checked) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    event.preventDefault();
    field.focus();
    field.select();
  };

  document.addEventListener("DOMContentLoaded", () => {
    field = document.getElementById("finder");
    list = document.getElementById("found");
    shortcut = document.getElementById("shortcut");
    shortcut.checked = isOn();
    turn(shortcut.checked);
    shortcut.addEventListener("change", () => turn(shortcut.checked));
    field.addEventListener("keydown", onKey);
    list.addEventListener("htmx:afterSwap", () => {
      choose(null);
      show(list.children.length > 0 && document.activeElement === field);
    });
    field.form.addEventListener("focusout", ({ relatedTarget }) => field.form.contains(relatedTarget) || show(false));
    list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the field
    document.addEventListener("keydown", onShortcut);
  });
})();
