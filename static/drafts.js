// Nothing typed is lost: forms marked data-draft keep what is typed in this browser until the server has saved it.
(() => {
  "use strict";
  const { $, $$ } = window.kaihai;
  const user = document.body.dataset.user;
  const PENDING = "draft:pending";
  const MAX_AGE = 14 * 24 * 3600 * 1000;

  const keyOf = (form) => `draft:${user}:${new URL(form.getAttribute("action") || location.href, location.href).pathname}`;
  const fieldsOf = (form) => [...form.elements].filter((field) => field.name && !["hidden", "password", "file", "submit", "button", "fieldset"].includes(field.type));
  const textOf = (field) => (field.selectedOptions ? [...field.selectedOptions].map((option) => option.text).join("、") : "");

  function read(form) {
    const values = {};
    for (const field of fieldsOf(form)) {
      if (field.type === "radio") { if (field.checked) values[field.name] = { v: field.value }; else values[field.name] ??= { v: "" }; }
      else if (field.type === "checkbox") (values[`${field.name}=${field.value}`] = { v: field.checked });
      else if (field.type === "select-multiple") values[field.name] = { v: [...field.selectedOptions].map((option) => option.value) };
      else values[field.name] = { v: field.value, t: field.dataset.picker ? textOf(field) : undefined };
    }
    return values;
  }
  function write(form, values) {
    for (const field of fieldsOf(form)) {
      const saved = values[field.type === "checkbox" ? `${field.name}=${field.value}` : field.name];
      if (!saved) continue;
      if (field.type === "radio") field.checked = field.value === saved.v;
      else if (field.type === "checkbox") field.checked = saved.v;
      else if (field.tomselect) {
        if (saved.t) field.tomselect.addOption({ value: saved.v, text: saved.t });
        field.tomselect.setValue(saved.v, true);
      } else {
        if (field.tagName === "SELECT" && saved.v && ![...field.options].some((option) => option.value === saved.v)) field.add(new Option(saved.v, saved.v));
        field.value = saved.v;
      }
    }
  }
  const load = (key) => {
    try {
      const draft = JSON.parse(localStorage.getItem(key) || "null");
      if (draft && Date.now() - draft.at < MAX_AGE) return draft;
    } catch { /* an unreadable draft is no draft */ }
    localStorage.removeItem(key);
    return null;
  };
  const clock = (at) => new Date(at).toLocaleString("zh-CN", { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false }).replace("/", "-");

  function watch(form) {
    if (form.dataset.watched) return;
    form.dataset.watched = "1";
    const key = keyOf(form);
    const note = $("[data-draft-note]", form);
    const start = JSON.stringify(read(form));
    const version = form.elements.version?.value || "";
    let timer;
    const store = () => {
      const values = read(form);
      if (JSON.stringify(values) === start && !form.hasAttribute("data-bound")) { localStorage.removeItem(key); delete form.dataset.dirty; return; }
      form.dataset.dirty = "1";
      try {
        localStorage.setItem(key, JSON.stringify({ at: Date.now(), version: form.elements.version?.value || version, values }));
        if (note) note.textContent = `草稿已保存在本机 ${clock(Date.now()).slice(-5)}`;
      } catch { /* storage is full or forbidden: the page still works */ }
    };
    const later = () => { clearTimeout(timer); timer = setTimeout(store, 500); };
    form.addEventListener("input", later);
    form.addEventListener("change", later);
    form.addEventListener("submit", () => { clearTimeout(timer); store(); sessionStorage.setItem(PENDING, key); });

    const draft = load(key);
    if (!draft || form.hasAttribute("data-bound") || JSON.stringify(draft.values) === start) return;
    const box = document.createElement("div");
    box.className = "k-note k-note-info k-draft";
    box.setAttribute("role", "status");
    const words = document.createElement("span");
    words.textContent = `有一份 ${clock(draft.at)} 没有保存的草稿`;
    const button = (text, css, act) => {
      const element = Object.assign(document.createElement("button"), { type: "button", className: `k-btn k-btn-sm ${css}`, textContent: text });
      element.addEventListener("click", () => { act(); box.remove(); });
      return element;
    };
    box.append(words, button("恢复草稿", "k-push", () => {
      write(form, draft.values);
      // A draft begun on an older version must meet the conflict check, not slip past it.
      if (draft.version && form.elements.version) form.elements.version.value = draft.version;
      form.dataset.dirty = "1";
      form.dispatchEvent(new Event("change", { bubbles: true }));
    }), button("丢弃", "k-btn-ghost", () => localStorage.removeItem(key)));
    ($(".k-page-head", form) || form.firstElementChild).after(box);
  }

  if (!user) return;
  const prepare = (scope) => $$("form[data-draft]", scope).forEach(watch);
  const pending = sessionStorage.getItem(PENDING);
  if (pending && !document.body.hasAttribute("data-keep-drafts")) {
    const again = $$("form[data-draft][data-bound]").some((form) => keyOf(form) === pending) || $("[name^='choose_']");
    if (!again) { localStorage.removeItem(pending); sessionStorage.removeItem(PENDING); }
  }
  prepare(document);
  document.addEventListener("htmx:afterSwap", (event) => prepare(event.detail.target));
  document.addEventListener("htmx:load", (event) => { if (event.detail.elt.matches("form[data-draft]")) watch(event.detail.elt); prepare(event.detail.elt); });
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr, elt } = event.detail;
    const form = elt.closest("form[data-draft]");
    if (form && (xhr.getResponseHeader("HX-Redirect") || xhr.getResponseHeader("HX-Refresh") || xhr.status === 204)) localStorage.removeItem(keyOf(form));
  });
})();
