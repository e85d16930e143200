// The builder of the advanced filter: rows of field, operator and value, groups of 且/或, written into the list's URL.
(() => {
  "use strict";
  const { $, $$, icon } = window.kaihai;

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };
  const option = (value, text, on) => make("option", { value, selected: on }, text);
  const button = (label, name, css, act) => {
    const element = make("button", { type: "button", class: css, "aria-label": label, title: label }, icon(name));
    element.addEventListener("click", act);
    return element;
  };

  // A tree of conditions drawn into a place: what the advanced filter and approval flows share.
  class Conditions {
    constructor(place, data) {
      this.place = place;
      this.data = data;
      this.operands = new Map(data.groups.flatMap((group) => group.operands.map((one) => [one.key, one])));
    }

    // ---- Drawing ----
    group(tree, depth) {
      const list = make("div", { class: "k-cond-list" });
      const mode = make("button", { type: "button", class: "k-cond-mode", "aria-label": "切换且和或", title: "点一下切换：且 = 全部满足，或 = 满足一个" }, tree.m === "or" ? "或" : "且");
      const box = make("div", { class: `k-cond-group${depth === 2 ? " is-inner" : ""}`, "data-mode": tree.m === "or" ? "or" : "and" }, mode, list);
      mode.addEventListener("click", () => {
        box.dataset.mode = box.dataset.mode === "or" ? "and" : "or";
        mode.textContent = box.dataset.mode === "or" ? "或" : "且";
        this.changed();
      });
      for (const one of tree.c) list.append(one && Array.isArray(one.c) && depth === 1 ? this.group(one, 2) : this.row(one || {}));
      const add = make("button", { type: "button", class: "k-link" }, depth === 1 ? "添加条件" : "条件");
      add.addEventListener("click", () => { const row = this.row({}); list.append(row); $("select", row).focus(); this.changed(); });
      const foot = make("div", { class: "k-row k-row-4 k-cond-foot" }, add);
      if (depth === 1) {
        const addGroup = make("button", { type: "button", class: "k-link" }, "添加分组");
        addGroup.addEventListener("click", () => { list.append(this.group({ m: "or", c: [{}, {}] }, 2)); this.changed(); });
        foot.append(addGroup);
      } else {
        const drop = make("button", { type: "button", class: "k-link k-danger-text" }, "删除这一组");
        drop.addEventListener("click", () => { box.remove(); this.changed(); });
        foot.append(drop);
      }
      box.append(foot);
      return box;
    }

    row(one) {
      const field = make("select", { class: "k-select k-cond-field", "aria-label": "字段" }, option("", "选择字段", !one.f));
      for (const group of this.data.groups) {
        field.append(make("optgroup", { label: group.label }, ...group.operands.map((operand) => option(operand.key, operand.label, operand.key === one.f))));
      }
      const operator = make("select", { class: "k-select k-cond-op", "aria-label": "比较" });
      const value = make("div", { class: "k-cond-value" });
      const line = make("div", { class: "k-cond" }, field, operator, value, button("去掉这个条件", "x", "k-btn k-btn-icon k-btn-ghost", () => { line.remove(); this.changed(); }));
      const redraw = (given = {}) => {
        const operand = this.operands.get(field.value);
        const operators = operand ? this.data.operators[operand.kind] : [];
        operator.replaceChildren(...operators.map(([key, label]) => option(key, label, key === given.o)));
        operator.disabled = !operand;
        this.values(value, operand, operator.value, given.v);
      };
      field.addEventListener("change", () => redraw());
      operator.addEventListener("change", () => this.values(value, this.operands.get(field.value), operator.value));
      redraw(one);
      return line;
    }

    values(place, operand, operator, given) {
      const takes = operand ? this.data.operators[operand.kind].find(([key]) => key === operator)?.[2] : 0;
      const list = given === undefined ? [] : Array.isArray(given) ? given : [given];
      $$("select", place).forEach((select) => select.tomselect?.destroy());
      if (!takes) {
        place.replaceChildren(make("span", { class: "k-cond-none" }, operand ? "无需填写" : ""));
      } else if (operand.kind === "date") {
        place.replaceChildren(...Array.from({ length: takes }, (_, index) => this.date(list[index])));
      } else if (["choice", "person", "department"].includes(operand.kind)) {
        place.replaceChildren(this.several(operand, list.map(String)));
      } else {
        const kind = operand.kind === "text" ? {} : { inputmode: "decimal" };
        place.replaceChildren(...Array.from({ length: takes }, (_, index) => make("input", { class: "k-input", "aria-label": "值", maxlength: 200, value: list[index] ?? "", ...kind })));
      }
      document.dispatchEvent(new CustomEvent("htmx:load", { detail: { elt: place } }));
    }

    several(operand, chosen) {
      const select = make("select", { class: "k-select", multiple: true, "aria-label": operand.label, placeholder: "请选择" });
      if (operand.kind === "person") {
        for (const [key, label] of this.data.people) select.append(option(key, label, chosen.includes(key)));
        for (const key of chosen.filter((one) => this.data.names[one])) select.append(option(key, this.data.names[key], true));
        select.dataset.picker = "/pick/colleague/";
        select.dataset.keep = "";
      } else {
        select.dataset.search = "";
        const pairs = operand.kind === "department" ? this.data.departments : operand.options;
        for (const [key, label] of pairs) select.append(option(key, label, chosen.includes(String(key))));
      }
      return select;
    }

    date(given) {
      const text = given === undefined ? "today" : String(given);
      const [name, count] = text.split(":");
      const select = make("select", { class: "k-select k-cond-when", "aria-label": "日期" });
      for (const [label, pairs] of this.data.dates) {
        select.append(make("optgroup", { label }, ...pairs.map(([key, shown]) => option(key, shown, key === name))));
      }
      select.append(make("optgroup", { label: "指定" }, option("day", "指定日期…", /^\d/.test(text))));
      const more = make("span", { class: "k-cond-more" });
      const redraw = (first) => {
        if (["last", "next", "ago", "ahead"].includes(select.value)) more.replaceChildren(make("input", { class: "k-input k-cond-n", type: "number", min: 0, max: 3650, value: first && count ? count : 30, "aria-label": "天数" }));
        else if (select.value === "day") {
          more.replaceChildren(make("input", { class: "k-input", "data-date": true, placeholder: "2026-01-31", value: first && /^\d/.test(text) ? text : "", "aria-label": "日期" }));
          if (!first) document.dispatchEvent(new CustomEvent("htmx:load", { detail: { elt: more } }));
        }
        else more.replaceChildren();
      };
      select.addEventListener("change", () => redraw(false));
      redraw(true);
      return make("span", { class: "k-cond-date" }, select, more);
    }

    // ---- Reading ----
    read(box) {
      const parts = [];
      for (const child of $(":scope > .k-cond-list", box).children) {
        if (child.classList.contains("k-cond-group")) {
          const inner = this.read(child);
          if (inner.c.length) parts.push(inner);
        } else {
          const one = this.one(child);
          if (one) parts.push(one);
        }
      }
      return { m: box.dataset.mode, c: parts };
    }

    one(line) {
      const operand = this.operands.get($(".k-cond-field", line).value);
      if (!operand) return null;
      const operator = $(".k-cond-op", line).value;
      const takes = this.data.operators[operand.kind].find(([key]) => key === operator)?.[2];
      if (takes === undefined) return null;  // the field was chosen a moment ago, its operators follow
      if (!takes) return { f: operand.key, o: operator };
      let values;
      if (operand.kind === "date") {
        values = $$(".k-cond-date", line).map((date) => {
          const name = $("select", date).value;
          const extra = $("input", date)?.value.trim();
          return name === "day" ? extra : ["last", "next", "ago", "ahead"].includes(name) ? extra && `${name}:${extra}` : name;
        });
      } else if (["choice", "person", "department"].includes(operand.kind)) {
        values = [...$(".k-cond-value select", line).selectedOptions].map((chosen) => chosen.value);
      } else {
        values = $$(".k-cond-value input", line).map((input) => input.value.trim());
      }
      if (!values.length || values.some((value) => !value)) return null;
      return { f: operand.key, o: operator, v: values };
    }
  }

  // The advanced filter: the tree stands in the list's URL.
  class Builder extends Conditions {
    constructor(root) {
      const data = JSON.parse($("#builder-data", root).textContent);
      super($("[data-builder-root]", root), data);
      this.root = root;
      let tree;
      try { tree = JSON.parse(data.where); } catch { tree = null; }
      if (!tree || !Array.isArray(tree.c) || !tree.c.length) tree = { m: "and", c: [{}] };
      this.place.append(this.group(tree, 1));
      $("[data-builder-apply]", root).addEventListener("click", () => { location.href = this.url(root.dataset.listUrl); });
      $("[data-builder-clear]", root).addEventListener("click", () => {
        this.place.replaceChildren(this.group({ m: "and", c: [{}] }, 1));
        this.changed();
      });
      this.place.addEventListener("change", () => this.changed());
      this.place.addEventListener("input", () => this.changed());
      this.place.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.matches("input") && !event.target.closest(".ts-wrapper, .k-date")) { event.preventDefault(); $("[data-builder-apply]", root).click(); } });
      this.changed();
    }

    url(base) {
      const url = new URL(base, location.href);
      const tree = this.read($(".k-cond-group", this.place));
      if (tree.c.length) url.searchParams.set("where", JSON.stringify(tree));
      return url.pathname + url.search;
    }

    changed() {
      $("[data-builder-save]", this.root).href = this.url(this.root.dataset.save);
      clearTimeout(this.timer);
      this.timer = setTimeout(async () => {
        const asked = this.url(this.root.dataset.count);
        const response = await fetch(asked, { headers: { "HX-Request": "true" } }).catch(() => null);
        if (asked === this.url(this.root.dataset.count) && this.root.isConnected) $("[data-builder-count]", this.root).textContent = response?.ok ? `符合 ${(await response.text()).replace("共 ", "")}` : "";
      }, 400);
    }
  }

  const start = (scope) => {
    for (const root of $$("[data-builder]", scope)) {
      if (root.dataset.ready) continue;
      root.dataset.ready = "1";
      new Builder(root);
    }
  };
  start(document);
  document.addEventListener("htmx:afterSwap", (event) => start(event.detail.target));
  Object.assign(window.kaihai, { make, option, Conditions });
})();
