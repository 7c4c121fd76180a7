// Light, dark, or as the system has it. Runs before the first paint, so that nothing flashes.
(() => {
  "use strict";
  const root = document.documentElement;
  const KEY = "catacloud-theme";

  const read = () => {
    try {
      return localStorage.getItem(KEY) || "system";
    } catch {
      return "system"; // storage is switched off: the system decides
    }
  };

  const show = (theme) => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
    }
    document.dispatchEvent(new Event("catacloud:theme"));
  };

  const choose = (theme) => {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // storage is switched off: the choice lasts as long as the page
    }
    show(theme);
  };

  const offer = () => {
    for (const group of document.querySelectorAll(".themes")) group.hidden = false;
    show(read());
  };

  root.classList.add("js"); // for what looks otherwise where scripts run
  show(read());
  document.addEventListener("DOMContentLoaded", offer);
  document.addEventListener("htmx:historyRestore", offer);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (button) choose(button.dataset.themeChoice);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show(read()));
})();
