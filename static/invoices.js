/* An application for an invoice: a contract brings the titles of its customer, a title fills in the fields below it. */
(() => {
  "use strict";
  const set = (form, name, value) => {
    const field = form.elements[name];
    if (!field || field.value === value) return;
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const fill = (form, fields) => { for (const [name, value] of Object.entries(fields)) set(form, name, value); };
  async function bring(contract) {
    const form = contract.form;
    const saved = form.querySelector("[data-invoice-titles]");
    if (!contract.value) return;
    const answer = await fetch(`${contract.dataset.invoiceContract}?contract=${encodeURIComponent(contract.value)}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const found = await answer.json();
    if (saved) {
      saved.replaceChildren(new Option("手工填写", ""), ...found.titles.map((title) => {
        const option = new Option(title.text, title.id);
        option.dataset.title = JSON.stringify(title.fields);
        return option;
      }));
      const first = found.titles[0];
      if (first) {
        saved.value = first.id;
        fill(form, first.fields);
      }
    }
    const amount = form.elements.amount;
    if (amount && found.left !== null) {
      amount.placeholder = `还能开 ${found.left_text}`;
      if (!amount.value && Number(found.left) > 0) set(form, "amount", found.left);
    }
  }
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLSelectElement) || !field.form) return;
    if (field.matches("[data-invoice-contract]")) bring(field);
    if (field.matches("[data-invoice-titles]")) {
      const chosen = field.selectedOptions[0]?.dataset.title;
      if (chosen) fill(field.form, JSON.parse(chosen));
    }
  });
})();
