/* What Django's own pages and scripts of its admin leave out. Select2, in which invoices and
   organisations are looked for, does not say what is chosen in it; of the icons with help in the
   two boxes of choices none has a role that may have a name; and a table which scrolls in itself
   is not reached by keyboard where nothing in it is. */
"use strict";

(() => {
  const IN_ITS_LIST = ".select2-search__field, .select2-results__options";

  function nameSelect2(select) {
    const [label] = select.labels;
    const field = select.nextElementSibling;
    if (!label || !field?.matches(".select2-container")) return;
    label.id = `${select.id}_label`;
    const chosen = field.querySelector(".select2-selection__rendered");
    chosen.setAttribute("aria-labelledby", label.id);
    field.querySelector("[role=combobox]").setAttribute("aria-labelledby", `${label.id} ${chosen.id}`);
    if (!field.matches(".select2-container--open")) return;
    for (const part of document.querySelectorAll(IN_ITS_LIST)) {
      part.setAttribute("aria-labelledby", label.id);
    }
  }

  function reach(table) {
    if (table.querySelector("a, input:not([type=hidden]), select, textarea")) return;
    table.tabIndex = 0;
    table.role = "region";
    table.setAttribute("aria-labelledby", table.querySelector("h2").id);
  }

  function name() {
    document.querySelectorAll("select.admin-autocomplete").forEach(nameSelect2);
    for (const icon of document.querySelectorAll(".selector .help-tooltip")) icon.role = "img";
    document.querySelectorAll(".inline-group .tabular").forEach(reach);
  }

  new MutationObserver(name).observe(document.documentElement, { childList: true, subtree: true });
})();
