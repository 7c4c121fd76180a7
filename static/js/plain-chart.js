// Draws <div class="plain-chart" data-figure="id of its json_script"> in the admin's own colours.
(() => {
  "use strict";
  const draw = () => {
    for (const place of document.querySelectorAll(".plain-chart")) {
      const { data, layout } = JSON.parse(document.getElementById(place.dataset.figure).textContent);
      const { color: ink, fontFamily: family } = getComputedStyle(place);
      const bars = data[0].y.length;
      const grid = { gridcolor: "rgba(128,128,128,0.35)", zerolinecolor: ink };
      const look = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, family }, dragmode: false };
      const ticks = { nticks: Math.max(3, Math.floor(place.clientWidth / 150)), tickangle: 0 };
      const size = { height: 120 + 22 * bars, margin: { t: 8, r: 8, b: 48, l: 8 } };
      Plotly.newPlot(place, data, { ...layout, ...look, ...size, xaxis: { ...layout.xaxis, ...grid, ...ticks } }, { displayModeBar: false, responsive: true });
    }
  };
  document.addEventListener("DOMContentLoaded", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
})();
