// The priorities of approval flows: dragging and the arrow keys; the menus beside do the same without a script.
(() => {
  "use strict";
  const { $, $$, toast } = window.kaihai;
  async function send(list) {
    const body = new FormData();
    for (const row of list.children) body.append("ids", row.dataset.pk);
    body.append("csrfmiddlewaretoken", $("input[name=csrfmiddlewaretoken]", list).value);
    const response = await fetch(list.dataset.flows, { method: "POST", body }).catch(() => null);
    const answer = response && !response.redirected && await response.json().catch(() => null);
    if (!response?.ok || !answer) { toast(answer?.text || "优先级没有保存，请刷新后重试", { error: true }); return; }
    [...list.children].forEach((row, place) => { $(".k-flow-no", row).textContent = place + 1; });
    toast(answer.text);
  }
  const lists = $$("[data-flows]").filter((list) => list.children.length > 1);
  if (lists.length) {
    const script = document.createElement("script");
    script.src = document.body.dataset.sortable;
    script.onload = () => lists.forEach((list) => window.Sortable.create(list, { handle: "[data-grip]", animation: 120, ghostClass: "is-drag", onEnd: (event) => { if (event.oldIndex !== event.newIndex) send(list); } }));
    document.head.append(script);
  }
  document.addEventListener("keydown", (event) => {
    const row = event.target.closest?.("[data-flows] [data-grip]")?.closest("li");
    const other = row && { ArrowUp: row.previousElementSibling, ArrowDown: row.nextElementSibling }[event.key];
    if (!other) return;
    event.preventDefault();
    event.key === "ArrowUp" ? other.before(row) : other.after(row);
    event.target.focus();
    send(row.parentElement);
  });
})();
