// The role matrix: whole rows, 查看 comes with everything else, 自定义 shows its departments, what was changed.
(() => {
  "use strict";
  document.querySelector(".k-sidelist .is-active")?.scrollIntoView({ inline: "center", block: "nearest" });
  const form = document.querySelector("form[data-matrix]");
  if (!form) return;
  const { $, $$ } = window.kaihai;
  const boxes = (row) => $$("input[name=f]", row);
  const rows = $$("tbody tr", form).filter((row) => $("[data-row]", row));
  const viewOf = (row) => $("input[name=f][value$='.view']", row);

  function paint() {
    for (const row of rows) {
      const all = boxes(row);
      const on = all.filter((box) => box.checked).length;
      const head = $("[data-row]", row);
      head.checked = on === all.length;
      head.classList.toggle("is-mixed", on > 0 && on < all.length);
      const select = $("select[data-reach]", row);
      if (select) $("[data-differs]", row).hidden = !select.value || select.value === form.elements.reach.value;
    }
    for (const place of $$("[data-custom]", form)) {
      place.hidden = $(`select[data-reach="${place.dataset.custom}"]`, form).value !== "custom";
    }
    const status = $("[data-changed]", form);
    if (!status) return;
    const changed = boxes(form).filter((box) => box.checked !== box.defaultChecked).map((box) => box.getAttribute("aria-label"));
    for (const select of $$("select[data-reach]", form)) {
      const before = [...select.options].find((option) => option.defaultSelected) || select.options[0];
      if (select.value !== before.value) changed.push(select.getAttribute("aria-label") || "默认数据权限");
    }
    status.textContent = changed.length ? `已改动 ${changed.length} 处：${changed.slice(0, 3).join("、")}${changed.length > 3 ? " 等" : ""}` : "";
    status.title = changed.join("、");
  }

  form.addEventListener("change", (event) => {
    const row = event.target.closest("tr");
    if (event.target.matches("[data-row]")) boxes(row).forEach((box) => { box.checked = event.target.checked; });
    else if (event.target.name === "f") {
      const view = viewOf(row);
      if (event.target === view && !view.checked) boxes(row).forEach((box) => { box.checked = false; });
      else if (event.target.checked && view) view.checked = true;
    }
    paint();
  });
  form.addEventListener("reset", () => setTimeout(paint));
  paint();
})();
