// Letters to customers: a click on a merge field puts it where the cursor was last, in the subject or the text.
(() => {
  "use strict";
  let last = null;
  document.addEventListener("focusin", (event) => { if (event.target.matches?.("[data-merges]")) last = event.target; });
  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-merge]");
    const form = chip?.closest("form");
    if (!form) return;
    const known = last?.isConnected && last.form === form;
    const field = known ? last : form.querySelector("textarea[data-merges]");
    if (!known) field.setSelectionRange(field.value.length, field.value.length);
    field.focus();
    field.setRangeText(`{{${chip.dataset.merge}}}`, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
