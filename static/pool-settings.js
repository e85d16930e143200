// 公海规则: the parts of a sentence follow its switch and its scope; what was changed is counted.
(() => {
  "use strict";
  document.querySelector(".k-sidelist .is-active")?.scrollIntoView({ inline: "center", block: "nearest" });
  const form = document.querySelector("form[data-pool-form]");
  if (!form) return;
  const { $, $$ } = window.kaihai;
  const status = $("[data-changed]");
  const now = (field) => String([...field.selectedOptions].map((option) => option.value).sort());
  const first = new Map($$("select", form).map((select) => [select, now(select)]));

  function differs(field) {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    return field.options ? now(field) !== first.get(field) : field.value !== field.defaultValue;
  }
  function paint() {
    for (const rule of $$("[data-rule]", form)) {
      rule.classList.toggle("is-off", !$(".k-switch", rule).checked);
      const way = $("select[data-by]", rule).value;
      for (const part of $$("[data-part]", rule)) part.hidden = part.dataset.part !== way;
    }
    $("[data-some]", form).hidden = form.elements.everyone.value === "all";
    const fields = [...form.elements].filter((field) => field.name && !["hidden", "submit"].includes(field.type) && differs(field));
    const changed = new Set(fields.map((field) => field.name + (field.type === "checkbox" ? field.value : "")));
    status.textContent = changed.size ? `改了 ${changed.size} 处` : "bound" in form.dataset ? "还没有保存" : "没有改动";
  }
  for (const event of ["input", "change"]) form.addEventListener(event, paint);
  paint();

  // 放弃 leaves no draft behind: with the first values back, drafts.js forgets it.
  $("[data-discard]").addEventListener("click", (event) => {
    if (!("bound" in form.dataset)) event.preventDefault();
    form.removeAttribute("data-bound");
    form.reset();
    for (const [select, value] of first) if (now(select) !== value) select.tomselect?.setValue(value ? value.split(",") : []);
    form.dispatchEvent(new Event("change", { bubbles: true }));
    form.keepDraft?.();
  });
})();
