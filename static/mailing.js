// Letters to customers: a click on a merge field puts it where the cursor was last, in the subject or the text.
(() => {
  "use strict";
  let last = null;
  document.addEventListener("focusin", (event) => { if (event.target.matches?.("[data-merges]")) last = event.target; });
  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-merge]");
    const form = chip?.closest("form");
    if (!form) return;
    const field = last?.isConnected && last.form === form ? last : form.querySelector("textarea[data-merges]");
    field.focus();
    field.setRangeText(`{{${chip.dataset.merge}}}`, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
