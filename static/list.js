// Lists: selection across pages, bulk bar, row keys, column widths, column chooser.
(() => {
  "use strict";
  const { $, $$, toast } = window.kaihai;
  const table = $("[data-list]");
  const bulk = $("#bulk");

  // The open view's tab is in sight also where the row of tabs is wider than the screen.
  const tab = $(".k-list-tabs .k-tab.is-active");
  if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 24;

  // ---- Previous and next: the records of the list one came from, kept in this tab ----
  if (table) {
    const rows = $$("tbody tr[data-pk]", table).map((row) => $("a[href]", row)?.getAttribute("href")).filter(Boolean);
    sessionStorage.setItem(`order:${table.dataset.list}`, JSON.stringify(rows));
  }
  const neighbours = $("[data-neighbours]");
  if (neighbours) {
    const order = JSON.parse(sessionStorage.getItem(`order:${neighbours.dataset.neighbours}`) || "[]");
    const place = order.indexOf(location.pathname);
    neighbours.hidden = place < 0;
    for (const [name, step] of [["prev", -1], ["next", 1]]) {
      const link = $(`[data-${name}]`, neighbours);
      const url = place < 0 ? null : order[place + step];
      if (url) { link.href = url; link.removeAttribute("aria-disabled"); }
    }
  }

  // ---- Selection: ids live in this tab's storage per list, so they survive paging and Back ----
  const key = `selection:${table?.dataset.list}`;
  let chosen = new Set();
  let everything = false;
  const load = () => {
    try {
      const saved = JSON.parse(sessionStorage.getItem(key) || "{}");
      chosen = new Set(saved.ids || []);
      everything = Boolean(saved.all) && saved.query === conditions();
    } catch { chosen = new Set(); everything = false; }
  };
  // "All matching" belongs to the conditions it was chosen under, not to a page of them.
  function conditions() {
    const params = new URLSearchParams(location.search);
    ["page", "size", "sort", "after", "before"].forEach((name) => params.delete(name));
    params.sort();
    return params.toString();
  }
  const save = () => {
    if (chosen.size || everything) sessionStorage.setItem(key, JSON.stringify({ ids: [...chosen], all: everything, query: conditions() }));
    else sessionStorage.removeItem(key);
  };
  const clear = () => { chosen.clear(); everything = false; save(); paint(); };
  const boxes = () => $$("tbody .k-col-check input", table);

  function paint() {
    if (!bulk) return;
    let here = 0;
    for (const box of boxes()) {
      box.checked = everything || chosen.has(box.value);
      box.closest("tr").classList.toggle("is-selected", box.checked);
      here += box.checked;
    }
    const page = $("[data-select-page]", table);
    page.checked = here > 0 && here === boxes().length;
    page.classList.toggle("is-mixed", here > 0 && here < boxes().length);
    const all = $("[data-bulk-all]", bulk);
    $("[data-bulk-count]", bulk).textContent = everything ? `全部 ${all?.dataset.total.replace(" 条", "") ?? ""}` : chosen.size.toLocaleString("en-US");
    if (all) all.hidden = everything;
    bulk.hidden = !everything && !chosen.size;
  }

  if (bulk) {
    load();
    paint();
    window.addEventListener("pageshow", () => { load(); paint(); });
    let lastBox = null;
    table.addEventListener("click", (event) => {
      const box = event.target.closest("tbody .k-col-check input");
      if (box && event.shiftKey && lastBox) {
        const list = boxes();
        const [from, to] = [list.indexOf(lastBox), list.indexOf(box)].sort((a, b) => a - b);
        list.slice(from, to + 1).forEach((other) => { other.checked = box.checked; pick(other); });
      }
      if (box) lastBox = box;
    });
    const pick = (box) => {
      if (everything) { everything = false; chosen = new Set(boxes().map((other) => other.value)); }
      box.checked ? chosen.add(box.value) : chosen.delete(box.value);
    };
    table.addEventListener("change", (event) => {
      if (event.target.matches("[data-select-page]")) boxes().forEach((box) => { box.checked = event.target.checked; pick(box); });
      else if (event.target.closest("tbody .k-col-check")) pick(event.target);
      else return;
      save();
      paint();
    });
    // A finger chooses by holding a card.
    let hold;
    table.addEventListener("touchstart", (event) => {
      const box = $(".k-col-check input", event.target.closest("tr[data-pk]") || document.createElement("tr"));
      if (box) hold = setTimeout(() => { box.checked = !box.checked; pick(box); save(); paint(); navigator.vibrate?.(10); hold = null; }, 500);
    }, { passive: true });
    ["touchend", "touchmove", "touchcancel"].forEach((name) => table.addEventListener(name, (event) => {
      if (name === "touchend" && hold === null) event.preventDefault();
      clearTimeout(hold);
      hold = undefined;
    }));

    $("[data-bulk-all]", bulk)?.addEventListener("click", () => { everything = true; save(); paint(); });
    $("[data-bulk-clear]", bulk).addEventListener("click", clear);
    const send = (url, ids) => htmx.ajax("POST", url, {
      target: "#dialog",
      swap: "innerHTML",
      values: ids ? { ids } : everything ? { all: "1", filter: bulk.elements.filter.value } : { ids: [...chosen].join(",") },
    });
    bulk.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!everything && !chosen.size) return toast(bulk.dataset.none, { error: true });
      send(event.submitter.getAttribute("formaction"));
    });
    table.addEventListener("click", (event) => {
      const one = event.target.closest("[data-bulk-one]");
      if (one) send($("[data-bulk]", bulk).getAttribute("formaction"), one.dataset.bulkOne);
    });
    // What was chosen has been used once the server sends the browser on.
    document.addEventListener("htmx:beforeOnLoad", (event) => {
      const xhr = event.detail.xhr;
      const done = xhr.getResponseHeader("HX-Redirect") || xhr.getResponseHeader("HX-Refresh") || xhr.getResponseHeader("HX-Location");
      if (done && event.detail.elt.closest("#dialog")) { chosen.clear(); everything = false; save(); }
    });
    document.addEventListener("htmx:afterSwap", () => { if ($("#dialog [data-clear-selection]")) clear(); });
  } else if ($("[data-clear-selection]")) {
    Object.keys(sessionStorage).filter((name) => name.startsWith("selection:")).forEach((name) => sessionStorage.removeItem(name));
  }

  // ---- Rows by keyboard ----
  if (table) {
    const rows = $$("tbody tr[data-pk]", table);
    const cursor = () => rows.findIndex((row) => row.classList.contains("is-cursor"));
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || event.target.closest("input:not([type=checkbox]), textarea, select, .ts-wrapper, details[open]")) return;
      const now = cursor();
      if (event.key === "j" || event.key === "k") {
        const next = Math.min(rows.length - 1, Math.max(0, now + (event.key === "j" ? 1 : -1)));
        rows.forEach((row, index) => row.classList.toggle("is-cursor", index === next));
        const link = $("td a[href]", rows[next]);
        link?.focus({ preventScroll: true });
        rows[next].scrollIntoView({ block: "nearest" });
      } else if (now < 0) return;
      else if (event.key === "Enter" && !event.target.closest("a, button")) $("td a[href]", rows[now])?.click();
      else if (event.key === "e") $("a[data-edit]", rows[now])?.click();
      else if (event.key === "x") $(".k-col-check input", rows[now])?.click();
    });
  }

  // ---- Column widths: dragged by the edge, kept in this browser ----
  if (table) {
    const store = `widths:${table.dataset.list}`;
    let widths = {};
    try { widths = JSON.parse(localStorage.getItem(store) || "{}"); } catch { widths = {}; }
    const cols = $$("colgroup col", table);
    const apply = () => cols.forEach((col) => { if (widths[col.dataset.col]) col.style.width = `${widths[col.dataset.col]}px`; });
    apply();
    table.addEventListener("pointerdown", (event) => {
      const grip = event.target.closest("[data-resize]");
      if (!grip) return;
      event.preventDefault();
      const head = grip.closest("th");
      const col = cols[head.cellIndex];
      const start = head.getBoundingClientRect().width - event.clientX;
      grip.classList.add("is-drag");
      grip.setPointerCapture(event.pointerId);
      const move = (e) => { widths[col.dataset.col] = Math.round(Math.min(640, Math.max(48, start + e.clientX))); apply(); };
      grip.addEventListener("pointermove", move);
      grip.addEventListener("pointerup", () => {
        grip.removeEventListener("pointermove", move);
        grip.classList.remove("is-drag");
        localStorage.setItem(store, JSON.stringify(widths));
      }, { once: true });
    });
    table.addEventListener("dblclick", (event) => {
      const head = event.target.closest("[data-resize]")?.closest("th");
      if (!head) return;
      delete widths[cols[head.cellIndex].dataset.col];
      cols[head.cellIndex].style.width = "";
      localStorage.setItem(store, JSON.stringify(widths));
    });
  }

  // ---- Column chooser ----
  let sortable;
  const library = (url) => (sortable ||= new Promise((done) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => done(window.Sortable);
    document.head.append(script);
  }));
  const countColumns = (form) => { $("[data-columns-on]", form).textContent = $$("input[name=columns]", form).filter((input) => input.type === "hidden" || input.checked).length; };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-move]");
    if (!button) return;
    const item = button.closest("li");
    const other = button.dataset.move === "1" ? item.nextElementSibling : item.previousElementSibling;
    if (!other || other.hasAttribute("data-fixed")) return;
    button.dataset.move === "1" ? other.after(item) : other.before(item);
    button.focus();
  });
  document.addEventListener("change", (event) => { const form = event.target.closest("form[data-columns]"); if (form) countColumns(form); });
  function chooser(scope) {
    for (const form of $$("form[data-columns]", scope)) countColumns(form);
    for (const list of $$("[data-sort]", scope)) library(list.dataset.sort).then((Sortable) => Sortable.create(list, { handle: "[data-grip]", draggable: "li:not([data-fixed])", animation: 120, ghostClass: "is-drag" }));
  }
  chooser(document);
  document.addEventListener("htmx:afterSwap", (event) => chooser(event.detail.target));
})();
