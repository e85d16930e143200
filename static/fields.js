// Form fields: searchable selects, remote pickers, dependent choices, dates, money, duplicates, uploads.
(() => {
  "use strict";
  const { $, $$, icon, iconButton } = window.kaihai;

  // ---- Searchable selects ----
  const same = (element, name) => {
    const scope = element.form || document;
    const prefix = element.name.includes("-") ? element.name.slice(0, element.name.lastIndexOf("-") + 1) : "";
    return $(`[name="${prefix}${name}"]`, scope) || $(`[name="${name}"]`, scope);
  };
  const row = (data, escape) => {
    const sub = data.sub ? `<span class="k-muted k-small k-ellipsis">${escape(data.sub)}</span>` : "";
    return `<div><span class="k-list-text"><span class="k-ellipsis">${escape(data.text)}</span>${sub}</span></div>`;
  };
  const render = {
    option: row,
    item: (data, escape) => `<div><span class="k-ellipsis">${escape(data.text)}</span>${data.sub ? `<span class="k-muted k-small k-ellipsis">${escape(data.sub)}</span>` : ""}</div>`,
    no_results: () => '<div class="no-results">没有找到</div>',
    option_create(data, escape) { return `<div class="create">${escape(this.input.dataset.create || "使用")}「${escape(data.input)}」</div>`; },
    loading: () => '<div class="spinner">正在查找</div>',
  };
  function searchable(select) {
    if (select.tomselect || select.disabled) return;
    const remote = select.dataset.picker;
    const label = select.getAttribute("aria-label") || select.labels?.[0]?.firstChild?.textContent.trim() || "";
    const settings = {
      maxOptions: 200,
      allowEmptyOption: false,
      placeholder: select.getAttribute("placeholder") || (remote ? "输入姓名、名称或拼音首字母" : "请选择"),
      hidePlaceholder: true,
      sortField: remote ? [{ field: "$order" }] : undefined,
      plugins: select.multiple ? ["remove_button"] : select.required ? [] : { clear_button: { title: "清除", html: () => '<button type="button" class="clear-button k-btn-ghost" aria-label="清除" tabindex="-1">×</button>' } },
      render,
      create: select.hasAttribute("data-create"),
      onInitialize() { this.control_input.setAttribute("aria-label", label); this.control_input.autocomplete = "off"; },
    };
    if (remote) {
      let hits = new Set();
      let latest = "";
      Object.assign(settings, {
        preload: "focus",
        searchField: [],
        score: () => (item) => (hits.has(item.value) ? 1 : 0),  // the server has already chosen
        shouldLoad: () => true,
        load(query, callback) {
          latest = query;
          const url = new URL(remote, location.href);
          url.searchParams.set("q", query);
          const parent = select.dataset.depends && same(select, select.dataset.depends);
          if (parent) url.searchParams.set(select.dataset.depends, parent.value);
          fetch(url, { headers: { Accept: "application/json" } })
            .then((response) => (response.ok ? response.json() : { results: [] }))
            .then((data) => {
              if (query !== latest) return callback();  // an answer overtaken by a later one
              const found = data.results.map((item) => ({ value: String(item.value ?? item.id), text: item.text ?? item.label ?? item.name, sub: item.sub || "" }));
              hits = new Set(found.map((item) => item.value));
              this.clearOptions((option, value) => this.items.includes(String(value)));
              this.loadedSearches = {};  // going back to an earlier text asks again, for the answer replaced the options
              callback(found);
            })
            .catch(() => callback());
        },
      });
    }
    const control = new TomSelect(select, settings);
    select.setAttribute("aria-hidden", "true");  // the control beside it speaks for it
    if (select.getAttribute("aria-invalid") === "true") control.wrapper.classList.add("is-invalid");
  }

  // ---- Choices that follow another field: cities of a province, contacts of a customer ----
  let areas;
  const cities = async (province) => {
    areas ||= fetch(document.body.dataset.areas).then((response) => response.json());
    return (await areas).provinces.find((item) => item.name === province || item.short === province)?.cities || [];
  };
  function follow(select) {
    const parent = same(select, select.dataset.depends);
    if (!parent || select.dataset.following) return;
    select.dataset.following = "1";
    const fill = async (keep) => {
      if (select.dataset.picker) {
        if (!keep) { select.tomselect?.clear(); select.tomselect?.clearOptions(); }
        return;
      }
      const names = await cities(parent.value);
      const value = keep ? select.value : "";
      const first = select.options[0]?.value === "" ? select.options[0].text : "请选择";
      const control = select.tomselect;
      if (control) {
        control.clear(true);
        control.clearOptions();
        control.addOptions(names.map((name) => ({ value: name, text: name })));
        control.setValue(value, true);
      } else {
        select.replaceChildren(new Option(first, ""), ...names.map((name) => new Option(name, name)));
        if (value && !names.includes(value)) select.add(new Option(value, value));
        select.value = value;
      }
    };
    parent.addEventListener("change", () => fill(false));
    fill(true);
  }

  // ---- Dates: typing is accepted in many forms, the calendar writes the one we store ----
  const pad = (number) => String(number).padStart(2, "0");
  const iso = (date) => `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  function readDate(text) {
    const found = /^(?:(\d{4})[-/.年]?)?(\d{1,2})[-/.月]?(\d{1,2})日?(?:[ T]+(\d{1,2})[:：]?(\d{2}))?$/.exec(text.trim());
    if (!found) return null;
    const [, year, month, day, hour, minute] = found;
    const date = new Date(year ? Number(year) : new Date().getFullYear(), month - 1, day, hour || 0, minute || 0);
    return date.getMonth() === month - 1 && date.getDate() === Number(day) ? { date, time: hour ? `${pad(hour)}:${minute}` : "" } : null;
  }
  function dateField(input) {
    if (input.closest(".k-date")) return;
    const withTime = input.dataset.date === "time";
    const wrap = document.createElement("span");
    wrap.className = "k-input-wrap k-input-wrap-end k-date";
    input.replaceWith(wrap);
    wrap.append(input, icon("calendar"));
    input.autocomplete = "off";
    const write = (date, time) => {
      input.value = iso(date) + (withTime ? ` ${time || "09:00"}` : "");
      input.dispatchEvent(new Event("change", { bubbles: true }));
    };
    input.addEventListener("blur", () => {
      const read = input.value && readDate(input.value);
      if (read) input.value = iso(read.date) + (withTime ? ` ${read.time || "09:00"}` : "");
    });
    let pop = null;
    let month = null;
    const close = () => { pop?.remove(); pop = null; };
    const cell = (date, chosen) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = date.getDate();
      button.dataset.day = iso(date);
      button.setAttribute("aria-label", iso(date));
      button.classList.toggle("is-out", date.getMonth() !== month.getMonth());
      button.classList.toggle("is-today", iso(date) === iso(new Date()));
      button.classList.toggle("is-on", iso(date) === chosen);
      button.tabIndex = iso(date) === (chosen || iso(new Date())) ? 0 : -1;
      return button;
    };
    function draw() {
      const read = readDate(input.value);
      const chosen = read ? iso(read.date) : "";
      const head = document.createElement("div");
      head.className = "k-date-head";
      const title = document.createElement("b");
      title.textContent = `${month.getFullYear()} 年 ${month.getMonth() + 1} 月`;
      const step = (name, label, by) => {
        const button = iconButton(name, label);
        button.classList.add("k-btn-ghost", "k-btn-sm");
        button.addEventListener("click", () => { month.setMonth(month.getMonth() + by); draw(); });
        return button;
      };
      head.append(step("left", "上个月", -1), title, step("right", "下个月", 1));
      const grid = document.createElement("div");
      grid.className = "k-date-grid";
      for (const name of "一二三四五六日") grid.append(Object.assign(document.createElement("span"), { textContent: name }));
      const first = new Date(month.getFullYear(), month.getMonth(), 1);
      first.setDate(1 - ((first.getDay() + 6) % 7));
      for (let index = 0; index < 42; index += 1) grid.append(cell(new Date(first.getFullYear(), first.getMonth(), first.getDate() + index), chosen));
      const foot = document.createElement("div");
      foot.className = "k-date-foot";
      const word = (text, act) => {
        const button = Object.assign(document.createElement("button"), { type: "button", className: "k-btn k-btn-ghost k-btn-sm", textContent: text });
        button.addEventListener("click", () => { act(); close(); input.focus(); });
        return button;
      };
      foot.append(word("清除", () => { input.value = ""; input.dispatchEvent(new Event("change", { bubbles: true })); }), word("今天", () => write(new Date(), readDate(input.value)?.time)));
      pop.replaceChildren(head, grid, foot);
    }
    function open() {
      if (pop || input.disabled || input.readOnly) return;
      month = readDate(input.value)?.date || new Date();
      month = new Date(month.getFullYear(), month.getMonth(), 1);
      pop = document.createElement("div");
      pop.className = "k-pop";
      pop.setAttribute("role", "dialog");
      pop.setAttribute("aria-label", "选择日期");
      wrap.append(pop);
      draw();
    }
    input.addEventListener("click", open);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") { event.preventDefault(); open(); $("[tabindex='0']", pop)?.focus(); }
      if (event.key === "Escape" && pop) { event.preventDefault(); event.stopPropagation(); close(); }
    });
    wrap.addEventListener("click", (event) => {
      const day = event.target.closest("[data-day]");
      if (!day) return;
      write(readDate(day.dataset.day).date, readDate(input.value)?.time);
      close();
      input.focus();
    });
    wrap.addEventListener("keydown", (event) => {
      const day = event.target.closest("[data-day]");
      if (event.key === "Escape" && pop) { event.preventDefault(); event.stopPropagation(); close(); input.focus(); }
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
      if (!day || !by) return;
      event.preventDefault();
      const target = readDate(day.dataset.day).date;
      target.setDate(target.getDate() + by);
      if (target.getMonth() !== month.getMonth()) { month = new Date(target.getFullYear(), target.getMonth(), 1); draw(); }
      $(`[data-day="${iso(target)}"]`, pop)?.focus();
    });
    document.addEventListener("click", (event) => { if (!event.composedPath().includes(wrap)) close(); });
    wrap.addEventListener("focusout", (event) => { if (event.relatedTarget && !wrap.contains(event.relatedTarget)) close(); });
  }

  // ---- Money: separators while reading, plain digits while typing and on the wire ----
  const plain = (text) => text.replace(/[¥￥,，\s]/g, "");
  function moneyField(input) {
    if (input.dataset.ready) return;
    input.dataset.ready = "1";
    input.classList.add("k-input-money");
    input.inputMode = "decimal";
    const format = () => {
      const value = plain(input.value);
      if (/^-?\d+(\.\d+)?$/.test(value)) {
        const [whole, cents] = value.split(".");
        input.value = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (cents === undefined ? "" : `.${cents}`);
      }
    };
    input.addEventListener("focus", () => {
      const whole = input.selectionEnd - input.selectionStart === input.value.length;
      input.value = plain(input.value);
      if (whole) input.select(); // by Tab: what is typed replaces it, as in every other field
    });
    input.addEventListener("blur", format);
    format();
  }
  document.addEventListener("formdata", (event) => {
    $$("[data-money]", event.target).forEach((input) => { if (input.name && event.formData.has(input.name)) event.formData.set(input.name, plain(input.value)); });
  });

  // ---- A radio of an optional field can be given back by choosing it again ----
  document.addEventListener("pointerdown", (event) => {
    const input = event.target.closest(".k-choice")?.querySelector("input[type=radio]");
    if (input) input.dataset.was = input.checked ? "1" : "";
  });
  document.addEventListener("click", (event) => {
    if (!event.target.matches("fieldset[data-optional] .k-choice input[type=radio]") || !event.target.dataset.was) return;
    event.target.checked = false;
    event.target.dataset.was = "";
    event.target.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // ---- Likely duplicates, while a name or phone is typed ----
  const WATCHED = /(^|-)(name|phone|mobile)$/;
  let dupTimer;
  document.addEventListener("input", (event) => {
    const input = event.target;
    const url = input.form?.dataset.duplicates;
    const place = url && (WATCHED.test(input.name) || input.hasAttribute("data-dup")) && $(`#dup-${CSS.escape(input.name)}`, input.form);
    if (!place) return;
    clearTimeout(dupTimer);
    const value = input.value.trim();
    if (value.length < 2) { place.hidden = true; place.replaceChildren(); return; }
    dupTimer = setTimeout(() => {
      const query = new URLSearchParams({ field: input.name, value, exclude: input.form.dataset.exclude || "" });
      place.hidden = false;
      htmx.ajax("GET", `${url}${url.includes("?") ? "&" : "?"}${query}`, { target: `#dup-${CSS.escape(input.name)}`, swap: "innerHTML" });
    }, 400);
  });

  // ---- Uploads: choosing or dropping is enough ----
  document.addEventListener("change", (event) => {
    const words = event.target.matches(".k-drop-zone input[type=file]") && $("[data-chosen]", event.target.closest(".k-drop-zone"));
    if (words) words.textContent = [...event.target.files].map((file) => file.name).join("、") || words.dataset.chosen;
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const zone = event.target.closest?.(".k-drop-zone");
      if (!zone) return;
      event.preventDefault();
      zone.classList.toggle("is-over", name === "dragover");
      const input = $("input[type=file]", zone);
      if (name === "drop" && event.dataTransfer.files.length) {
        input.files = event.dataTransfer.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
      }
    });
  }
  // Elsewhere a dropped file must not replace the page one is working on.
  ["dragover", "drop"].forEach((name) => window.addEventListener(name, (event) => { if (!event.defaultPrevented && event.dataTransfer?.types.includes("Files")) event.preventDefault(); }));

  // ---- Errors: focus goes to the first; the links of the summary reach fields of every kind ----
  const focusField = (element) => {
    if (!element) return false;
    element.scrollIntoView({ block: "center" });
    if (element.tomselect) element.tomselect.focus();
    else if (element.matches("input, select, textarea")) element.focus({ preventScroll: true });
    else $("input, select, textarea", element)?.focus({ preventScroll: true });
    return true;
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-errors] a[href^='#']");
    if (link && focusField(document.getElementById(link.hash.slice(1)))) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const eye = event.target.closest("[data-reveal]");
    if (!eye) return;
    const input = eye.parentElement.querySelector("input");
    input.type = input.type === "password" ? "text" : "password";
    eye.setAttribute("aria-pressed", input.type === "text");
  });

  // ---- Fields that matter only for some values of others: data-only="kind=holiday;holiday=yearly|dates" ----
  const narrow = (form) => {
    const data = new FormData(form);
    const fits = (part) => { const [name, values] = part.split("="); return values.split("|").includes(data.get(name) || ""); };
    const fields = $$("[data-only]", form);
    fields.forEach((input) => { input.closest(".k-field").hidden = !input.dataset.only.split(";").every(fits); });
    new Set(fields.map((input) => input.closest(".k-card"))).forEach((card) => { if (card) card.hidden = !$(".k-field:not([hidden])", card); });
  };
  document.addEventListener("change", (event) => { if (event.target.form && $("[data-only]", event.target.form)) narrow(event.target.form); });

  function prepare(scope) {
    $$("select[data-search], select[data-picker]", scope).forEach(searchable);
    $$("select[data-depends]", scope).forEach(follow);
    $$("input[data-date]", scope).forEach(dateField);
    new Set($$("[data-only]", scope).map((input) => input.form)).forEach(narrow);
    $$("input[data-money]", scope).forEach(moneyField);
    const errors = $("[data-errors]", scope);
    if (errors) focusField(document.getElementById($("a", errors)?.hash.slice(1)) || $("[aria-invalid=true]", scope)) || errors.focus();
  }
  prepare(document);
  document.addEventListener("htmx:afterSwap", (event) => prepare(event.detail.target));
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));  // what replaced its target

  // ---- Bulk edit: choosing a field brings its widget; a cleared one needs no value ----
  const cleared = (box) => box.closest(".k-many").classList.toggle("is-cleared", box.checked);
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-many-add]") && event.target.value) event.target.form.requestSubmit();
    if (event.target.matches("[data-many-clear]")) cleared(event.target);
  });
  document.addEventListener("htmx:afterSwap", (event) => $$("[data-many-clear]", event.detail.target).forEach(cleared));
})();
