/* 编号规则: the sample follows the order of the parts; a part is dropped by its place on the page. */
(() => {
  "use strict";
  const watch = (scope) => {
    for (const list of scope.querySelectorAll("[data-parts]")) {
      if (list.dataset.watched) continue;
      list.dataset.watched = "1";
      new MutationObserver(() => list.dispatchEvent(new Event("change", { bubbles: true }))).observe(list, { childList: true });
    }
  };
  watch(document);
  document.addEventListener("htmx:afterSwap", () => watch(document));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-drop-part]");
    if (!button) return;
    event.preventDefault();
    button.closest("li").remove();
  });
})();
