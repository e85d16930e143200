// The editor of product lines: adding, moving, removing, and arithmetic that shows what the server will compute. Exact
// integers all the way: prices in fen, quantities in ten-thousandths, discounts in hundredths of a per cent.
(() => {
  "use strict";
  const { $, $$, toast } = window.kaihai;

  const scaled = (text, places) => {
    const found = /^(-?)(\d{0,12})(?:\.(\d*))?$/.exec(String(text).replace(/[¥￥,，%\s]/g, ""));
    if (!found || (!found[2] && !found[3]) || (found[3] || "").length > places) return null;
    const value = BigInt((found[2] || "0") + (found[3] || "").padEnd(places, "0"));
    return found[1] ? -value : value;
  };
  const half = (top, bottom) => {  // half up, away from zero below it
    const sign = top < 0n ? -1n : 1n;
    return sign * ((sign * top * 2n + bottom) / (bottom * 2n));
  };
  const plain = (value, places) => {
    const digits = String(value < 0n ? -value : value).padStart(places + 1, "0");
    return `${value < 0n ? "-" : ""}${digits.slice(0, -places)}.${digits.slice(-places)}`;
  };
  const short = (text) => text.replace(/\.?0+$/, "");
  const money = (value) => {
    const [whole, cents] = plain(value < 0n ? -value : value, 2).split(".");
    return `${value < 0n ? "-" : ""}¥${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${cents}`;
  };

  const rowsOf = (form) => $$("[data-line]", form);
  const listOf = (row) => { const cell = $("[data-line-list]", row); return cell ? scaled(cell.dataset.lineList, 2) : null; };

  // All rows as text, in a field of the form: so that a draft (drafts.js) knows those that were added, moved and removed.
  const typedField = (form) => $("[data-line-typed]", form);
  const typedRows = (form) => JSON.stringify(rowsOf(form).map((row) => $$("input[name]", row).map((input) => [input.name, input.value])));

  function reckon(form) {
    const rows = rowsOf(form);
    let sum = 0n;
    let whole = true;
    for (const row of rows) {
      const price = scaled($("[data-line-price]", row).value, 2);
      const quantity = scaled($("[data-line-quantity]", row).value, 4);
      const known = price !== null && quantity !== null && price >= 0n && quantity > 0n;
      const subtotal = known ? half(price * quantity, 10000n) : null;
      $("[data-line-shown]", row).textContent = known ? money(subtotal) : "–";
      $("[data-line-subtotal]", row).value = known ? plain(subtotal, 2) : "";
      whole &&= known;
      sum += subtotal || 0n;
    }
    const field = $("#id_discount", form);
    const discount = scaled(field?.value.trim() || "0", 2);
    const fits = whole && discount !== null && discount >= 0n && discount <= 10000n;
    const total = fits ? half(sum * (10000n - discount), 10000n) : null;
    const put = (selector, text) => { const place = $(selector, form); if (place) place.textContent = text; };
    put("[data-line-before]", whole ? money(sum) : "–");
    put("[data-line-off]", fits ? money(total - sum) : "–");
    put("[data-line-grand]", fits ? money(total) : "–");
    put("[data-line-count]", rows.length ? `${rows.length} 行` : "");
    $("[data-line-total]", form).value = fits && rows.length ? plain(total, 2) : "";
    $("[data-line-empty]", form).hidden = rows.length > 0;
    $("[data-line-sum]", form).hidden = !rows.length;
    form.classList.toggle("is-empty", !rows.length);
    typedField(form).value = typedRows(form);
    rows.forEach((row, place) => {
      $("[data-line-up]", row).disabled = place === 0;
      $("[data-line-down]", row).disabled = place === rows.length - 1;
    });
  }

  // 折扣 and 售价 say the same: whichever is typed moves the other.
  function follow(row, input) {
    const list = listOf(row);
    const discount = $("[data-line-discount]", row);
    if (!list || !discount) return;
    if (input === discount) {
      const percent = scaled(discount.value, 2);
      if (percent !== null && percent <= 10000n) $("[data-line-price]", row).value = plain(half(list * (10000n - percent), 10000n), 2);
    } else if (input.matches("[data-line-price]")) {
      const price = scaled(input.value, 2);
      discount.value = price === null ? "" : short(plain(half((list - price) * 10000n, list), 2));
    }
  }

  const changed = (form) => { reckon(form); form.dispatchEvent(new Event("change", { bubbles: true })); };
  function move(row, step) {
    const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    const focused = document.activeElement;
    step < 0 ? other.before(row) : other.after(row);
    changed(row.closest("form"));
    (focused.disabled ? $("[data-grip]", row) : focused).focus();
  }

  // A draft was restored: the server draws its rows, saving nothing.
  async function redraw(form) {
    const data = new FormData();
    for (const row of JSON.parse(typedField(form).value)) row.forEach(([name, value]) => data.append(name, value));
    data.append("draw", "1");
    data.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    const response = await fetch(form.action, { method: "POST", body: data }).catch(() => null);
    const page = response?.ok && new DOMParser().parseFromString(await response.text(), "text/html");
    const rows = page && $("[data-line-rows]", page);
    if (!rows) { toast("草稿没有恢复，请稍后重新打开", { error: true }); return; }
    $("[data-line-rows]", form).replaceChildren(...[...rows.children].map((row) => document.adoptNode(row)));
    document.dispatchEvent(new CustomEvent("htmx:load", { detail: { elt: form } }));
    reckon(form);
  }
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("form[data-lines]") && typedField(event.target).value !== typedRows(event.target)) redraw(event.target);
  });

  let last = 0;
  async function add(form, product) {
    if (rowsOf(form).length >= Number(form.dataset.most)) { toast(form.dataset.tooMany, { error: true }); return; }
    last = Math.max(last, ...$$("input[name=row]", form).map((input) => (input.value[0] === "n" ? Number(input.value.slice(1)) : 0))) + 1;
    const response = await fetch(`${form.dataset.lines}?product=${product}&key=n${last}`, { headers: { "X-Requested-With": "fetch" } }).catch(() => null);
    if (!response?.ok || response.redirected) { toast(response?.status === 404 ? "这个产品已下架或已删除，请重新选择" : "没有添加，请稍后重试", { error: true }); return; }
    const holder = document.createElement("template");
    holder.innerHTML = await response.text();
    const row = holder.content.querySelector("[data-line]");
    $("[data-line-rows]", form).append(row);
    htmx.process(row);
    document.dispatchEvent(new CustomEvent("htmx:load", { detail: { elt: row } }));  // its fields get their controls
    changed(form);
    const quantity = $("[data-line-quantity]", row);
    ($("[data-line-price]", row).value ? quantity : $("[data-line-price]", row)).focus();
    quantity.select();
  }

  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form?.matches("[data-lines]")) return;
    const row = event.target.closest("[data-line]");
    if (row) follow(row, event.target);
    reckon(form);
  });
  document.addEventListener("change", (event) => {
    const picker = event.target;
    if (!picker.matches?.("[data-line-add]") || !picker.value) return;
    const product = picker.value;
    picker.tomselect?.clear(true);
    picker.tomselect?.blur();
    add(picker.form, product);
  });
  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-line]");
    if (!row) return;
    if (event.target.closest("[data-line-up]")) move(row, -1);
    if (event.target.closest("[data-line-down]")) move(row, 1);
    if (event.target.closest("[data-line-remove]")) {
      const form = row.closest("form");
      const next = row.nextElementSibling || row.previousElementSibling;
      row.remove();
      changed(form);
      (next ? $("[data-line-remove]", next) : $("[data-line-add]", form).tomselect)?.focus();
    }
  });
  document.addEventListener("keydown", (event) => {
    const row = event.altKey && event.target.closest("[data-line]");
    if (!row || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    move(row, event.key === "ArrowUp" ? -1 : 1);
  });
  // Enter goes on to the next field instead of saving half of a table.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing || !event.target.matches("[data-line] input")) return;
    event.preventDefault();
    const fields = $$("[data-line] input.k-input", event.target.form);
    fields[fields.indexOf(event.target) + 1]?.focus();
  });

  let library;
  const sortable = () => (library ||= new Promise((done) => {
    if (window.Sortable) { done(window.Sortable); return; }
    const script = document.createElement("script");
    script.src = document.body.dataset.sortable;
    script.onload = () => done(window.Sortable);
    document.head.append(script);
  }));
  function prepare(scope) {
    for (const form of $$("form[data-lines]", scope)) {
      reckon(form);
      sortable().then((Sortable) => Sortable.create($("[data-line-rows]", form), { handle: "[data-grip]", animation: 120, ghostClass: "is-drag", onEnd: () => changed(form) }));
    }
  }
  prepare(document);
})();
