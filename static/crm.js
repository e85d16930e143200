// The frame: toasts, dialogs, the side panel, menus, search palette, badges, theme, keys.
// Behaviour hangs on data-* attributes; pages work without it, only less comfortably.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const root = document.documentElement;
  const dialog = $("#dialog");
  const palette = $("#palette");
  const keys = $("#keys");
  const panel = $("#panel");

  const cookie = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`; };
  const icon = (name) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("class", "k-icon");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${document.body.dataset.sprite}#i-${name}`);
    svg.append(use);
    return svg;
  };
  const iconButton = (name, label) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "k-btn k-btn-icon";
    button.title = label;
    button.setAttribute("aria-label", label);
    button.append(icon(name));
    return button;
  };

  // ---- Toasts ----
  const toasts = $("#toasts");
  function arm(toast) {
    const close = () => toast.remove();
    $("[data-toast-close]", toast)?.addEventListener("click", close);
    let timer;
    const start = () => { timer = setTimeout(close, toast.classList.contains("is-error") ? 10000 : toast.dataset.undo ? 30000 : 5000); };
    const hold = () => clearTimeout(timer);
    const go = () => { hold(); if (!toast.matches(":hover, :focus-within")) start(); };
    for (const event of ["mouseenter", "focusin"]) toast.addEventListener(event, hold);
    for (const event of ["mouseleave", "focusout"]) toast.addEventListener(event, () => setTimeout(go));
    toast.addEventListener("submit", () => { hold(); toast.hidden = true; });
    start();
  }
  function toast(text, { error = false, undo = "" } = {}) {
    if (!toasts) return;
    const box = document.createElement("div");
    box.className = `k-toast${error ? " is-error" : ""}`;
    if (error) box.setAttribute("role", "alert");
    const words = document.createElement("span");
    words.textContent = text;
    box.append(icon(error ? "error" : "check"), words);
    if (undo) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "k-btn";
      button.textContent = "撤销";
      button.addEventListener("click", () => { box.remove(); htmx.ajax("POST", undo, { target: "#dialog", swap: "innerHTML" }); });
      box.dataset.undo = undo;
      box.append(button);
    }
    const close = iconButton("x", "关闭");
    close.dataset.toastClose = "";
    box.append(close);
    toasts.append(box);
    arm(box);
  }
  if (toasts) $$(".k-toast", toasts).forEach(arm);
  document.addEventListener("toast", (event) => toast(event.detail.text || event.detail.value, event.detail));

  // ---- Busy line: appears when an answer takes longer than 300 ms ----
  let waiting = 0;
  let busyTimer;
  const busy = (on) => {
    waiting = Math.max(0, waiting + (on ? 1 : -1));
    clearTimeout(busyTimer);
    if (waiting) busyTimer = setTimeout(() => root.classList.add("is-busy"), 300);
    else root.classList.remove("is-busy");
  };
  const leaving = () => setTimeout(() => root.classList.add("is-busy"), 300);
  window.addEventListener("pageshow", () => { waiting = 0; root.classList.remove("is-busy"); });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const elsewhere = link.origin === location.origin && !link.target && !link.hasAttribute("download") && link.pathname + link.search !== location.pathname + location.search;
    // Asked once every listener had its say: dialogs and htmx keep the page.
    if (elsewhere) setTimeout(() => { if (!event.defaultPrevented) leaving(); });
  });

  // ---- Dialog and panel ----
  const dirty = (form) => form && form.dataset.dirty === "1";
  function openDialog() {
    if (!dialog.open) dialog.showModal();
    dialog.append(toasts);
    const first = $("[data-errors], [aria-invalid='true'], [autofocus]", dialog) || $("input:not([type=hidden]), select, textarea", dialog) || $("button[type=submit]", dialog);
    first?.focus();
  }
  function closeDialog(force) {
    if (!dialog.open) return;
    if (!force && dirty($("form", dialog)) && !window.confirm("填写的内容还没有保存，确定关闭？")) return;
    dialog.close();
  }
  function closePanel() {
    panel.replaceChildren();
    panelOpener?.focus?.();
    panelOpener = null;
  }
  let panelOpener = null;
  for (const layer of [dialog, palette, keys].filter(Boolean)) {
    layer.addEventListener("click", (event) => {
      if (event.target === layer) layer === dialog ? closeDialog() : layer.close();
    });
    layer.addEventListener("close", () => {
      document.body.append(toasts);
      if (layer === dialog) dialog.replaceChildren();
    });
  }
  dialog?.addEventListener("cancel", (event) => { event.preventDefault(); closeDialog(); });

  // Forms inside the dialog answer into it; the server redirects or refreshes when all is well.
  function adopt(form) {
    if (form.method !== "post" || form.hasAttribute("hx-post") || form.hasAttribute("data-plain")) return;
    form.setAttribute("hx-post", form.getAttribute("action") || location.href);
    form.setAttribute("hx-target", "#dialog");
    form.setAttribute("hx-swap", "innerHTML");
    form.setAttribute("hx-disabled-elt", "find button[type=submit]");
    if (form.enctype === "multipart/form-data") form.setAttribute("hx-encoding", "multipart/form-data");
    htmx.process(form);
  }

  document.addEventListener("click", (event) => {
    const plain = !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    const opener = event.target.closest("a[data-dialog], a[data-panel]");
    if (opener && plain && window.htmx) {
      const place = opener.hasAttribute("data-dialog") ? "#dialog" : "#panel";
      if (place === "#panel") panelOpener = opener;
      event.preventDefault();
      opener.closest("details[open]")?.removeAttribute("open");
      htmx.ajax("GET", opener.href, { target: place, swap: "innerHTML" });
      return;
    }
    const closer = event.target.closest("[data-close]");
    if (closer) {
      const layer = closer.closest("dialog");
      if (layer || closer.closest("#panel")) {
        event.preventDefault();
        layer === dialog ? closeDialog() : layer ? layer.close() : closePanel();
      }
      return;
    }
    const back = event.target.closest("#dialog a[data-back]");
    if (back && plain) { event.preventDefault(); closeDialog(); }
    if (event.target.closest("[data-print]")) window.print();
    const copier = event.target.closest("[data-copy]");
    if (copier && plain) { event.preventDefault(); copier.closest("details[open]")?.removeAttribute("open"); copyFrom(copier.href); }
    const from = event.target.closest("[data-copy-from]");
    if (from) copy($(`#${from.dataset.copyFrom}`).value).then((done) => { if (done) { closeDialog(true); toast("已复制"); } else $(`#${from.dataset.copyFrom}`).select(); });
    if (event.target.closest("[data-history]")) history.back();
    if (event.target.closest("[data-keys]")) keys.showModal();
    if (event.target.matches("[data-check-all]")) $$("input[name=ids]", event.target.form).forEach((box) => { box.checked = event.target.checked; });
    const choose = event.target.closest("[data-choose]");
    if (choose) $$(`input[value="${choose.dataset.choose}"]`, choose.form).forEach((input) => { input.checked = true; });
  });

  // ---- A record as text: into the clipboard, or into a dialog where the browser does not let us ----
  async function copy(text) {
    try { await navigator.clipboard.writeText(text); return true; } catch { return false; }
  }
  async function copyFrom(url) {
    const response = await fetch(url, { headers: { Accept: "text/plain" } }).catch(() => null);
    if (response?.ok && response.headers.get("Content-Type").startsWith("text/plain") && await copy(await response.text())) toast("已复制");
    else htmx.ajax("GET", url, { target: "#dialog", swap: "innerHTML" });
  }
  document.addEventListener("focusin", (event) => { if (event.target.matches("[data-select]")) event.target.select(); });
  if ("printNow" in document.body.dataset) window.addEventListener("load", () => window.print());

  // ---- htmx: signs of work, failures, sessions that ended ----
  document.addEventListener("htmx:beforeRequest", () => busy(true));
  document.addEventListener("htmx:afterRequest", () => busy(false));
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, target } = event.detail;
    if (new URL(xhr.responseURL || location.href).pathname === "/login/") {
      event.detail.shouldSwap = false;
      location.href = `/login/?next=${encodeURIComponent(location.pathname + location.search)}`;
    } else if (event.detail.shouldSwap && target.matches("#dialog, #panel, #palette-results") && /^\s*<!doctype/i.test(xhr.responseText)) {
      event.detail.shouldSwap = false;  // a whole page is no part of this one
      location.href = xhr.responseURL;
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const target = event.detail.target;
    if (target === dialog) {
      if (!dialog.textContent.trim()) return closeDialog(true);
      $$("form", dialog).forEach(adopt);
      openDialog();
    }
    if (target === panel) $("#panel-title", panel)?.closest("section").querySelector("[data-close]").focus();
  });
  const reasons = { 0: "网络中断，内容还在页面上，请稍后重试", 401: "登录已过期，请重新登录", 403: "没有权限执行这个操作，需要时请联系系统管理员", 404: "没有找到这条记录，它可能已被删除，或不在您的数据权限内", 409: "这条记录刚被别人修改，请刷新后重试", 413: "文件太大，没有上传" };
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = event.detail;
    const id = xhr.getResponseHeader("X-Request-Id");
    const old = xhr.getResponseHeader("X-Page-Expired") && "页面已过期，没有保存。请刷新页面，填写的内容会自动恢复";
    toast(old || reasons[xhr.status] || `服务器出错了，没有保存${id ? `（编号 ${id}）` : ""}，填写的内容还在页面上，请稍后重试`, { error: true });
  });
  document.addEventListener("htmx:sendError", () => toast(reasons[0], { error: true }));
  document.addEventListener("htmx:timeout", () => toast(reasons[0], { error: true }));

  // ---- Menus: <details> that close by themselves and listen to arrows ----
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.(".k-drop[open]")) $$(".k-drop[open]").forEach((other) => { if (other !== event.target) other.open = false; });
  }, true);
  document.addEventListener("click", (event) => $$(".k-drop[open]").forEach((drop) => { if (!drop.contains(event.target)) drop.open = false; }));
  function menuKeys(event) {
    const drop = event.target.closest?.(".k-drop[open]");
    if (!drop) return false;
    if (event.key === "Escape") { drop.open = false; $("summary", drop).focus(); return true; }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return false;
    const items = $$(".k-menu-item", drop).filter((item) => item.offsetParent);
    const step = event.key === "ArrowDown" ? 1 : -1;
    const place = items.indexOf(document.activeElement);
    items[place < 0 ? (step > 0 ? 0 : items.length - 1) : (place + step + items.length) % items.length]?.focus();
    event.preventDefault();
    return true;
  }

  // ---- Nav, theme, search row ----
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-nav-toggle]")) cookie("nav", root.classList.toggle("nav-small") ? "small" : "wide");
    const theme = event.target.closest("[data-theme-set]");
    if (theme) {
      root.dataset.theme = theme.dataset.themeSet;
      cookie("theme", theme.dataset.themeSet);
      $$("[data-theme-set]").forEach((button) => {
        const on = button.dataset.themeSet === theme.dataset.themeSet;
        button.classList.toggle("is-active", on);
        button.setAttribute("aria-pressed", on);
      });
    }
    if (event.target.closest("[data-filters-toggle]")) {
      const row = $("#list-filters");
      if (matchMedia("(max-width: 767.98px)").matches) row.classList.toggle("is-open");
      else cookie("filters", root.classList.toggle("filters-closed") ? "closed" : "open");
    }
  });

  // ---- Search palette ----
  const box = palette && $("input", palette);
  const results = palette && $("#palette-results");
  let asked = null;
  let askTimer;
  const ask = () => {
    const q = box.value.trim();
    if (q === asked) return;
    asked = q;
    htmx.ajax("GET", `/search/?q=${encodeURIComponent(q)}`, { target: "#palette-results", swap: "innerHTML", source: box });
  };
  const options = () => $$(".k-palette-item", results);
  const mark = (item) => {
    options().forEach((other) => { other.classList.toggle("is-active", other === item); other.setAttribute("aria-selected", other === item); });
    if (item) { item.id ||= `option-${options().indexOf(item)}`; box.setAttribute("aria-activedescendant", item.id); item.scrollIntoView({ block: "nearest" }); }
  };
  function openPalette() {
    if (!palette || palette.open) return;
    palette.showModal();
    box.select();
    ask();
  }
  box?.addEventListener("input", () => { clearTimeout(askTimer); askTimer = setTimeout(ask, 180); });
  box?.addEventListener("keydown", (event) => {
    const list = options();
    const now = list.findIndex((item) => item.classList.contains("is-active"));
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.length) mark(list[(now + (event.key === "ArrowDown" ? 1 : -1) + list.length) % list.length]);
    } else if (event.key === "Enter" && now >= 0 && !event.isComposing) {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) window.open(list[now].href, "_blank", "noopener");
      else { leaving(); location.href = list[now].href; }
    }
  });
  results?.addEventListener("htmx:afterSwap", () => mark(options()[0]));
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette]") && palette) { event.preventDefault(); openPalette(); }
  });

  // ---- Keys ----
  const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], .ts-wrapper");
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openPalette(); return; }
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
      const form = event.target.closest?.("form[data-form]") || $("#dialog[open] form[data-form]") || $("main form[data-form]");
      if (form) { event.preventDefault(); form.requestSubmit($("button[type=submit]:not([name])", form)); }
      return;
    }
    if (menuKeys(event)) return;
    if (event.key === "Escape" && !$("dialog[open]") && panel?.firstElementChild && !typing(event.target)) { closePanel(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("dialog[open]")) return;
    const go = (selector) => { const link = $(selector); if (link) { event.preventDefault(); link.click(); } return Boolean(link); };
    if (event.key === "/") { const search = $("[data-search-box]"); event.preventDefault(); search ? search.select() || search.focus() : openPalette(); }
    else if (event.key === "?") { event.preventDefault(); keys?.showModal(); }
    else if (event.key === "n") go("main a[data-new]");
    else if (event.key === "e" && !$("tr.is-cursor")) go("main a[data-edit]");
    else if (event.key === "j" && !$("[data-list]")) go("a[data-next][href]");
    else if (event.key === "k" && !$("[data-list]")) go("a[data-prev][href]");
  });

  // ---- Live badges: one light request, only while the page is looked at ----
  const badgesUrl = document.body.dataset.badges;
  const title = document.title;
  const nameTab = (unread) => { document.title = unread ? `(${unread > 99 ? "99+" : unread}) ${title}` : title; };
  nameTab(parseInt($("[data-badge=unread] .k-badge-dot")?.textContent, 10) || 0);
  async function badges() {
    if (document.hidden || !navigator.onLine) return;
    const response = await fetch(badgesUrl, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!response?.ok || response.redirected) return;
    const counts = await response.json();
    nameTab(counts.unread);
    $$("[data-badge]").forEach((link) => {
      const count = counts[link.dataset.badge] || 0;
      const dot = $(".k-badge-dot, .k-nav-count", link);
      dot.hidden = !count;
      dot.textContent = count > 99 ? "99+" : count || "";
      link.setAttribute("aria-label", link.dataset.label + (count ? `：${count} ${link.dataset.unit}` : ""));
    });
  }
  if (badgesUrl) {
    let last = Date.now();
    const tick = () => { if (Date.now() - last >= 30000) { last = Date.now(); badges(); } };
    setInterval(tick, 5000);
    document.addEventListener("visibilitychange", tick);
  }

  // ---- Offline ----
  const online = () => root.classList.toggle("is-offline", !navigator.onLine);
  window.addEventListener("online", online);
  window.addEventListener("offline", online);
  online();

  // ---- Forms of the URL stay short: empty fields do not become parameters ----
  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("[data-clean]")) return;
    [...event.formData.entries()].forEach(([name, value]) => { if (value === "") event.formData.delete(name); });
  });
  document.addEventListener("change", (event) => { if (event.target.matches("[data-submit]")) event.target.form.requestSubmit(); });

  window.kaihai = { $, $$, icon, iconButton, toast, cookie, adopt, openPalette, leaving };
})();
