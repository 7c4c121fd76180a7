// Draw the API's description with Swagger UI, in the colours that the rest of the site has.
(() => {
  "use strict";
  const settings = JSON.parse(document.getElementById("swagger-settings").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const colour = () => {
    const root = document.documentElement;
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
    root.classList.toggle("dark-mode", isDark);
  };

  colour();
  document.addEventListener("catacloud:theme", colour);
  SwaggerUIBundle({ ...settings, dom_id: "#swagger-ui", presets: [SwaggerUIBundle.presets.apis] });
})();
