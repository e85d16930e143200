// Follow-ups: the composer (method of a phone call, next contact, files, phrases, @colleagues) and a timeline that keeps up.
(() => {
  "use strict";
  const { $, $$, toast } = window.kaihai;
  const PHONE = "method=phone";

  // ---- Opening: where the composer stands on the page it takes the focus, elsewhere it comes as a dialog ----
  const composerOf = (page) => page && $("form[data-composer]:not([data-closed])", page);
  function compose(link, phone) {
    const page = link.closest(".k-page[data-follow]");
    const here = page && !link.closest("tr[data-follow]") && composerOf(page);
    if (!here) return false;
    if (phone) { const call = $("input[data-phone]", here); if (call) call.checked = true; }
    here.scrollIntoView({ block: "nearest" });
    $("textarea", here).focus();
    return true;
  }
  document.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const write = event.target.closest('a[data-dialog][href$="/follow-ups/new/"]');
    if (write && compose(write, false)) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    const call = event.target.closest('a[href^="tel:"]');
    const place = call?.closest("[data-follow]");
    if (!place || !window.htmx) return;
    // The call itself goes its own way (the phone rings); the page is ready to take down what was said.
    if (!compose(call, true)) htmx.ajax("GET", `${place.dataset.follow}?${PHONE}`, { target: "#dialog", swap: "innerHTML" });
  }, true);

  // ---- Composer ----
  const formOf = (element) => element.closest("form[data-composer]");
  const changed = (field) => { field.dispatchEvent(new Event("input", { bubbles: true })); field.dispatchEvent(new Event("change", { bubbles: true })); };
  function insert(area, text) {
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
    area.focus();
    changed(area);
  }
  document.addEventListener("click", (event) => {
    const when = event.target.closest("[data-when]");
    if (when) { const field = $("[name=next_contact_at]", formOf(when)); field.value = field.value === when.dataset.when ? "" : when.dataset.when; changed(field); }
    const phrase = event.target.closest("[data-phrase]");
    if (phrase) {
      const area = $("textarea[name=content]", formOf(phrase));
      phrase.closest("details").open = false;
      area.setSelectionRange(area.value.length, area.value.length);
      insert(area, (area.value && !area.value.endsWith("\n") ? "\n" : "") + phrase.dataset.phrase);
    }
    const keep = event.target.closest("[data-keep-phrase]");
    if (keep) {
      const text = $("textarea[name=content]", formOf(keep)).value.trim();
      if (!text) return toast("请先在内容里写下要保存的话。", { error: true });
      htmx.ajax("POST", "/follow-ups/phrases/", { target: keep.closest("[data-phrases]"), swap: "innerHTML", source: keep.closest("[data-phrases]"), values: { text, company: keep.dataset.keepPhrase === "company" ? "1" : "" } });
    }
    const at = event.target.closest("[data-at]");
    if (at) insert($("textarea[name=content]", formOf(at)), "@");
    const file = event.target.closest("[data-file]");
    if (file) {
      const input = $("[data-attach]", formOf(file));
      const rest = new DataTransfer();
      [...input.files].forEach((one, place) => { if (place !== Number(file.dataset.file)) rest.items.add(one); });
      input.files = rest.files;
      files(input);
    }
  });
  // Pictures are shown before they are sent; both can be taken out again.
  function files(input) {
    const list = $("[data-files]", formOf(input));
    $$("img", list).forEach((image) => URL.revokeObjectURL(image.src));
    list.replaceChildren(...[...input.files].map((file, place) => {
      const item = document.createElement("li");
      item.className = "k-file";
      if (file.type.startsWith("image/")) {
        const image = Object.assign(document.createElement("img"), { src: URL.createObjectURL(file), alt: "" });
        item.append(image);
      }
      const name = Object.assign(document.createElement("span"), { className: "k-ellipsis", textContent: file.name, title: file.name });
      const out = window.kaihai.iconButton("x", `不添加 ${file.name}`);
      out.classList.add("k-btn-ghost", "k-btn-sm");
      out.dataset.file = place;
      item.append(name, out);
      return item;
    }));
    list.hidden = !input.files.length;
  }
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-attach]")) files(event.target);
    const form = event.target.matches("[name=next_contact_at]") && formOf(event.target);
    if (form) $$("[data-when]", form).forEach((button) => button.classList.toggle("is-on", button.dataset.when === event.target.value));
  });
  document.addEventListener("paste", (event) => {
    const form = event.target.matches?.("[data-composer] textarea") && formOf(event.target);
    const pasted = form && [...event.clipboardData.files];
    if (!pasted?.length) return;
    event.preventDefault();
    const input = $("[data-attach]", form);
    const all = new DataTransfer();
    [...input.files, ...pasted].forEach((file) => all.items.add(file));
    input.files = all.files;
    files(input);
  });

  // ---- @colleagues: a list under the text while a name is typed ----
  let list = null;
  let area = null;
  let latest = 0;
  let timer;
  const close = () => { list?.remove(); list = null; area?.removeAttribute("aria-expanded"); };
  const typed = (field) => /(?:^|[^A-Za-z0-9._-])@([^\s@，。；：！？、,.;:!?()（）]{0,20})$/.exec(field.value.slice(0, field.selectionStart));
  function choose(item) {
    const found = typed(area);
    if (!found) return close();
    const start = area.selectionStart - found[1].length;
    area.setRangeText(`${item.dataset.name} `, start, area.selectionStart, "end");
    const hidden = $("[data-mentioned]", area.form);
    hidden.value = [...new Set([...hidden.value.split(",").filter(Boolean), item.dataset.id])].join(",");
    close();
    area.focus();
    changed(area);
  }
  const mark = (item) => { $$("button", list).forEach((one) => { one.classList.toggle("is-active", one === item); one.setAttribute("aria-selected", one === item); }); item?.scrollIntoView({ block: "nearest" }); };
  async function offer(field, text) {
    const turn = ++latest;
    const response = await fetch(`/pick/colleague/?q=${encodeURIComponent(text)}`, { headers: { Accept: "application/json" } }).catch(() => null);
    if (turn !== latest || !response?.ok || response.redirected || !typed(field)) return;
    const people = (await response.json()).results.slice(0, 8);
    close();
    if (!people.length || turn !== latest) return;
    area = field;
    list = document.createElement("div");
    list.className = "k-pop k-menu k-at";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "提醒同事");
    for (const person of people) {
      const item = Object.assign(document.createElement("button"), { type: "button", className: "k-menu-item" });
      item.setAttribute("role", "option");
      item.dataset.id = person.id;
      item.dataset.name = person.text;
      item.append(Object.assign(document.createElement("span"), { textContent: person.text }), Object.assign(document.createElement("span"), { className: "k-muted k-small k-ellipsis", textContent: person.sub }));
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); choose(item); });
      list.append(item);
    }
    field.parentElement.classList.add("k-at-home");
    field.after(list);
    field.setAttribute("aria-expanded", "true");
    mark($("button", list));
  }
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-mentions]")) return;
    const found = typed(event.target);
    clearTimeout(timer);
    latest += 1;
    if (!found) return close();
    timer = setTimeout(() => offer(event.target, found[1]), 120);
  });
  document.addEventListener("keydown", (event) => {
    if (!list || event.target !== area || event.isComposing) return;
    const items = $$("button", list);
    const now = items.findIndex((item) => item.classList.contains("is-active"));
    if (event.key === "ArrowDown" || event.key === "ArrowUp") mark(items[(now + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length]);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.ctrlKey && !event.metaKey) choose(items[now]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  document.addEventListener("focusout", (event) => { if (event.target === area) setTimeout(() => { if (document.activeElement !== area) close(); }, 150); });

  // ---- Saved: drafts go, the head of the page and the counts follow ----
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const form = event.detail.elt.closest?.("form[data-composer]");
    if (form && event.detail.xhr.status === 200 && event.detail.requestConfig.verb === "post") {
      localStorage.removeItem(`draft:${document.body.dataset.user}:${new URL(form.action).pathname}`);
      delete form.dataset.dirty;
    }
  });
  // Previous and next were found when the page opened; the fresh head does not know them.
  let neighbours = null;
  document.addEventListener("htmx:beforeSwap", (event) => { if (event.detail.target.matches?.(".k-page[data-record]")) neighbours = $("[data-neighbours]", event.detail.target); });
  document.addEventListener("htmx:load", (event) => {
    if (!neighbours || !event.detail.elt.matches(".k-page[data-record]")) return;
    $("[data-neighbours]", event.detail.elt)?.replaceWith(neighbours);
    neighbours = null;
  });
  async function refresh(url) {
    const page = $$(".k-page[data-record]").find((one) => url === `/${one.dataset.record}/`);
    if (!page) return;
    const response = await fetch(`${url}?tab=followups`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!response?.ok || response.redirected) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const replace = (selector) => {
      const now = $(selector, page);
      const then = $(selector, fresh);
      if (now && then) { now.replaceWith(then); htmx.process(then); }
    };
    replace(".k-facts");
    const count = $(".k-tab[href$='tab=followups'] .k-tab-count", page);
    const then = $(".k-tab[href$='tab=followups'] .k-tab-count", fresh);
    if (count && then) count.textContent = then.textContent;
    return { page, replace };
  }
  document.addEventListener("followed", async (event) => {
    const fromDialog = event.target.closest?.("#dialog");
    const found = await refresh(event.detail.url);
    if (fromDialog) found?.replace(".k-flow");
  });
  document.addEventListener("unfollowed", (event) => {
    for (const article of $$(`[data-followup="${Number(event.detail.pk)}"]`)) {
      const day = article.previousElementSibling;
      const alone = day?.matches(".k-day") && !article.nextElementSibling?.matches(".k-event");
      article.remove();
      if (alone) day.remove();
    }
    for (const row of $$(`.k-table-follow tr[data-pk="${Number(event.detail.pk)}"]`)) row.remove();
  });
  document.addEventListener("said", (event) => {
    const talk = $(`[data-talk="${Number(event.detail.pk)}"]`);
    if (talk) htmx.ajax("GET", event.detail.url, { target: talk, swap: "outerHTML", source: talk });
  });

  // ---- The list page: a day of one's own choice ----
  document.addEventListener("change", (event) => {
    const form = event.target.closest?.(".k-follow-filters");
    if (form && event.target.matches("[name=since], [name=until]")) $("[data-span]", form).value = event.target.value || $("[name=since]", form).value || $("[name=until]", form).value ? "range" : "today";
  });
})();
