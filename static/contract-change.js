// The page of a 变更: while there are product lines, the amount is their total.
(() => {
  "use strict";
  const { $, $$ } = window.kaihai;

  function follow(form) {
    const amount = $("#id_amount", form);
    const total = $("[data-line-total]", form);
    if (!amount || !total) return;
    const lines = $$("[data-line]", form).length > 0;
    amount.disabled = lines;
    if (lines && total.value) amount.value = total.value;
  }
  const later = (event) => {
    const form = event.target.closest?.("form[data-change]");
    if (form) queueMicrotask(() => follow(form));
  };
  for (const kind of ["input", "change", "click"]) document.addEventListener(kind, later);
})();
