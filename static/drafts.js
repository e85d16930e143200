// Nothing typed is lost: forms marked data-draft keep what is typed in this browser until the server has saved it. A draft
// belongs to one person and one form; what was sent and not saved (session over, error, page too old) comes back by itself.
(() => {
  "use strict";
  const { $, $$ } = window.kaihai;
  const user = document.body.dataset.user;
  const PENDING = "draft:pending";  // what was sent last and is not known to be saved
  const RESTORE = "draft:restore";  // what was sent and not saved
  const MAX_AGE = 7 * 24 * 3600 * 1000;
  const SECRET = /password|secret|token|key$/i;

  const pathOf = (form) => new URL(form.getAttribute("action") || location.href, location.href).pathname;
  const keyOf = (form) => `draft:${user}:${pathOf(form)}`;
  const secret = (field) => field.type === "password" || field.hasAttribute("data-secret") || /password/.test(field.autocomplete || "") || SECRET.test(field.name);
  const fieldsOf = (form) => [...form.elements].filter((field) => field.name && !["hidden", "file", "submit", "button", "fieldset"].includes(field.type) && !secret(field));
  const textOf = (field) => (field.selectedOptions ? [...field.selectedOptions].map((option) => option.text) : []);

  function read(form) {
    const values = {};
    for (const field of fieldsOf(form)) {
      if (field.type === "radio") { if (field.checked) values[field.name] = { v: field.value }; else values[field.name] ??= { v: "" }; }
      else if (field.type === "checkbox") (values[`${field.name}=${field.value}`] = { v: field.checked });
      else if (field.type === "select-multiple") values[field.name] = { v: [...field.selectedOptions].map((option) => option.value), t: textOf(field) };
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
      else if (field.tagName === "SELECT") {
        const chosen = [saved.v].flat();
        const texts = [saved.t || saved.v].flat();
        chosen.forEach((value, place) => {
          if (!value) return;
          if (field.tomselect) field.tomselect.addOption({ value, text: texts[place] || value });
          else if (![...field.options].some((option) => option.value === value)) field.add(new Option(texts[place] || value, value));
        });
        if (field.tomselect) field.tomselect.setValue(saved.v, true);
        else [...field.options].forEach((option) => { option.selected = chosen.includes(option.value); });
      } else field.value = saved.v;
    }
  }
  const parse = (text) => { try { return JSON.parse(text || "null"); } catch { return null; } };  // an unreadable draft is no draft
  const load = (key) => {
    const draft = parse(localStorage.getItem(key));
    if (draft && Date.now() - draft.at < MAX_AGE) return draft;
    localStorage.removeItem(key);
    return null;
  };
  const clock = (at) => new Date(at).toLocaleString("zh-CN", { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false }).replace("/", "-");
  const pending = () => parse(sessionStorage.getItem(PENDING));
  const failed = () => {
    const sent = sessionStorage.getItem(PENDING);
    if (sent) sessionStorage.setItem(RESTORE, sent);
    sessionStorage.removeItem(PENDING);
  };
  const saved = (key) => {
    localStorage.removeItem(key);
    if (pending()?.key === key) sessionStorage.removeItem(PENDING);
  };

  const about = (form) => JSON.stringify({ key: keyOf(form), url: form.getAttribute("action") || location.href, dialog: Boolean(form.closest("#dialog")), page: location.pathname });
  // A request the page made by itself (likely duplicates, pickers) may be the first to learn that the session is over.
  const keepTyped = () => {
    const form = $$("form[data-watched]").findLast((one) => one.keepDraft());
    if (form) sessionStorage.setItem(RESTORE, about(form));
  };

  function button(text, css, act) {
    const element = Object.assign(document.createElement("button"), { type: "button", className: `k-btn k-btn-sm ${css}`, textContent: text });
    element.addEventListener("click", act);
    return element;
  }
  function note(form, text, ...buttons) {
    const box = document.createElement("div");
    box.className = "k-note k-note-info k-draft";
    box.setAttribute("role", "status");
    box.append(Object.assign(document.createElement("span"), { textContent: text }), ...buttons);
    buttons.forEach((one) => one.addEventListener("click", () => box.remove()));
    const head = $(".k-page-head", form);
    head ? head.after(box) : form.prepend(box);
  }

  function watch(form) {
    if (form.dataset.watched) return;
    form.dataset.watched = "1";
    const key = keyOf(form);
    const words = $("[data-draft-note]", form);
    const untouched = read(form);
    const start = JSON.stringify(untouched);
    let timer;
    const store = () => {
      const values = read(form);
      if (JSON.stringify(values) === start && !form.hasAttribute("data-bound")) { localStorage.removeItem(key); delete form.dataset.dirty; return; }
      form.dataset.dirty = "1";
      try {
        localStorage.setItem(key, JSON.stringify({ at: Date.now(), version: form.elements.version?.value || "", values }));
        if (words) words.textContent = `草稿已保存在本机 ${clock(Date.now()).slice(-5)}`;
      } catch { /* storage is full or forbidden: the page still works */ }
    };
    const later = () => { clearTimeout(timer); timer = setTimeout(store, 500); };
    form.addEventListener("input", later);
    form.addEventListener("change", later);
    form.addEventListener("submit", () => {
      clearTimeout(timer);
      timer = undefined;  // what was sent from a dialog is not stored again when the answer leads away
      store();
      sessionStorage.setItem(PENDING, about(form));
    });
    form.keepDraft = () => { clearTimeout(timer); store(); return form.dataset.dirty === "1"; };
    window.addEventListener("pagehide", () => { if (timer && form.isConnected && form.dataset.watched && !pending()) { clearTimeout(timer); store(); } });

    const draft = load(key);
    const again = parse(sessionStorage.getItem(RESTORE))?.key === key;
    if (again) sessionStorage.removeItem(RESTORE);
    if (!draft || form.hasAttribute("data-bound") || JSON.stringify(draft.values) === start) return;
    const restore = () => {
      write(form, draft.values);
      // A draft begun on an older version must meet the conflict check, not slip past it.
      if (draft.version && form.elements.version) form.elements.version.value = draft.version;
      form.dataset.dirty = "1";
      form.dispatchEvent(new Event("change", { bubbles: true }));
    };
    const files = $("input[type=file]", form) ? "，选过的文件请重新选择" : "";
    if (again) {
      restore();
      note(form, `已恢复未保存的内容${files}`, button("丢弃", "k-btn-ghost k-push", () => { clearTimeout(timer); write(form, untouched); form.dispatchEvent(new Event("change", { bubbles: true })); localStorage.removeItem(key); delete form.dataset.dirty; }));
    } else note(form, `有一份 ${clock(draft.at)} 没有保存的草稿`, button("恢复草稿", "k-push", restore), button("丢弃", "k-btn-ghost", () => localStorage.removeItem(key)));
  }

  // ---- Pages of nobody (sign-in, server error) and pages that say no: what was sent is not saved ----
  if (!user || document.body.hasAttribute("data-keep-drafts")) failed();
  if (!user) return;
  Object.keys(localStorage).filter((key) => key.startsWith("draft:")).forEach(load);
  const sent = pending();
  if (sent && $("#toasts .k-toast:not(.is-error)")) saved(sent.key);
  const prepare = (scope) => $$("form[data-draft]", scope).forEach(watch);
  const waiting = parse(sessionStorage.getItem(RESTORE));
  if (waiting && !waiting.key.startsWith(`draft:${user}:`)) sessionStorage.removeItem(RESTORE);  // somebody else signed in
  // Fields get their controls first (fields.js), so that a restored choice shows in them.
  prepare(document);
  const left = parse(sessionStorage.getItem(RESTORE));
  if (left?.dialog && left.page === location.pathname && window.htmx) htmx.ajax("GET", left.url, { target: "#dialog", swap: "innerHTML" });
  document.addEventListener("htmx:afterSwap", (event) => prepare(event.detail.target));
  document.addEventListener("htmx:load", (event) => { if (event.detail.elt.matches("form[data-draft]")) watch(event.detail.elt); prepare(event.detail.elt); });
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr, elt } = event.detail;
    const next = xhr.getResponseHeader("HX-Redirect") || "";
    const over = next.startsWith("/login/") || new URL(xhr.responseURL || location.href).pathname === "/login/" || xhr.getResponseHeader("X-Page-Expired");
    const form = elt.closest("form[data-draft]") || (elt.matches("form") && elt.elements.original && elt);  // the second: the conflict page in the dialog
    if (over) { pending() ? failed() : keepTyped(); return; }
    if (!form || event.detail.requestConfig.verb !== "post") return;
    if (next || xhr.status === 204 || (xhr.status === 200 && form.matches("[data-draft]") && !/ data-bound|name="choose_/.test(xhr.responseText))) saved(form.matches("[data-draft]") ? keyOf(form) : pending()?.key);
  });
})();
