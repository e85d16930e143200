// The controls of the flow editor's pane: who, several ways, switches, actions. They change what they are given and say so.
(() => {
  "use strict";
  const { $, iconButton, make, option } = window.kaihai;
  const MODES = [["all", "会签", "会签：所有人都同意才进入下一步"], ["any", "或签", "或签：有一个人同意就进入下一步"], ["sequence", "依次审批", "依次：按顺序一个一个审批，都同意才进入下一步"]];
  const NOBODY = [["administrator", "转交审批管理员"], ["approve", "自动通过这一步"]];
  const LATE = [["remind", "提醒审批人"], ["transfer", "自动转交上级"]];
  const RESUME = [["first", "从第一步开始", "每一步都重新审批"], ["rejecting", "从拒绝的那步继续", "前面已经同意的步骤不再审批"]];
  const KINDS = [["employee", "指定员工"], ["supervisor", "直属上级"], ["supervisors", "第 N 级上级"], ["head", "部门负责人"], ["heads", "第 N 级部门负责人"], ["role", "角色"], ["chosen", "发起人自选"], ["submitter", "发起人本人"]];
  const BEGIN = { employee: ["ids", []], supervisor: ["level", 1], supervisors: ["level", 2], head: ["level", 0], heads: ["level", 1], role: ["ids", []], chosen: [], submitter: [] };
  const HELP = {
    supervisor: "发起人的“直属上级”，在员工资料里设置", supervisors: "2 是上级的上级，依此类推", head: "发起人所在部门的负责人，在部门里设置",
    heads: "1 是上一级部门，2 是再上一级", role: "这个角色的所有在职员工", chosen: "提交时由发起人选一个或几个人", submitter: "要先在“发起人提交”里允许审批自己的单据",
  };
  const kindOf = (who) => (who.kind === "supervisor" && who.level !== 1 ? "supervisors" : who.kind === "head" && who.level !== 0 ? "heads" : who.kind);
  const begin = (kind) => { const [key, value] = BEGIN[kind]; return { kind: kind.replace(/^(supervisor|head)s$/, "$1"), ...(key ? { [key]: structuredClone(value) } : {}) }; };
  let last = 0;

  function forms(data, keep, dress) {
    const spot = (place) => make("span", { class: "k-flow-faults", "data-fault": place });
    const label = (words, id, required) => make("label", { class: "k-label", for: id }, words, ...(required ? [make("span", { class: "k-req", "aria-hidden": "true" }, "*")] : []));
    const drop = (words, act) => { const button = iconButton("x", words); button.className = "k-btn k-btn-icon k-btn-ghost"; button.addEventListener("click", act); return button; };

    function line(words, value, change, { most = 200, fault = "", hint = "", numeric = false, required = false } = {}) {
      const id = `flow-f${++last}`;
      const input = make("input", { class: "k-input", id, maxlength: most, placeholder: hint || null, inputmode: numeric ? "numeric" : null, autocomplete: "off" });
      input.value = value;
      input.addEventListener("input", () => change(input.value));
      return make("div", { class: "k-field" }, label(words, id, required), input, ...(fault ? [spot(fault)] : []));
    }
    function select(words, pairs, value, change) {
      const id = `flow-f${++last}`;
      const control = make("select", { class: "k-select", id }, ...pairs.map(([key, shown]) => option(key, shown, key === value)));
      control.addEventListener("change", () => change(control.value));
      return make("div", { class: "k-field" }, label(words, id), control);
    }
    function choices(words, name, triples, value, change) {
      const help = make("p", { class: "k-help" });
      const tell = (key) => { help.textContent = triples.find(([one]) => one === key)?.[2] || ""; };
      const group = `flow-${name}-${++last}`;
      tell(value);
      return make("fieldset", { class: "k-field" }, make("legend", { class: "k-label" }, words), make("div", { class: "k-choices" }, ...triples.map(([key, shown]) => {
        const input = make("input", { type: "radio", name: group, value: key, checked: key === value });
        input.addEventListener("change", () => { tell(key); change(key); });
        return make("label", { class: "k-choice k-choice-sm" }, input, shown);
      })), help);
    }
    function toggle(words, value, change, help = "") {
      const input = make("input", { class: "k-switch", type: "checkbox", role: "switch", checked: Boolean(value) });
      input.addEventListener("change", () => change(input.checked));
      const row = make("label", { class: "k-row k-between" }, words, input);
      return help ? make("div", {}, row, make("p", { class: "k-help" }, help)) : row;
    }

    // Several people or roles, by typing.
    function several(words, ids, change, pairs) {
      const control = make("select", { class: "k-select", multiple: true, "aria-label": words, placeholder: pairs ? "选择角色" : "输入姓名或拼音首字母" });
      if (pairs) { control.dataset.search = ""; control.append(...pairs.map(([key, shown]) => option(key, shown, ids.includes(key)))); }
      else { control.dataset.picker = "/pick/colleague/"; control.append(...ids.map((id) => option(id, data.names[id] || `员工 ${id}`, true))); }
      control.addEventListener("change", () => {
        for (const one of control.selectedOptions) if (!pairs) data.names[one.value] = one.text;
        change([...control.selectedOptions].map((one) => Number(one.value)));
      });
      return control;
    }
    function people(words, list, { chosen = true, fault = "", none = false } = {}) {
      const box = make("div", { class: "k-flow-who" });
      const add = make("button", { type: "button", class: "k-btn k-btn-sm" }, none ? "添加人员" : "再加审批人");
      const redraw = (focus = -1) => {
        box.replaceChildren(...list.map(row));
        dress(box);
        if (focus >= 0) $("select", box.children[focus])?.focus();
      };
      const row = (who, place) => {
        const now = kindOf(who);
        const offered = KINDS.filter(([key]) => chosen || key !== "chosen");
        const kind = make("select", { class: "k-select", "aria-label": `${words}来源` }, ...offered.map(([key, shown]) => option(key, shown, key === now)));
        kind.addEventListener("change", () => { list[place] = begin(kind.value); redraw(place); keep(); });
        const parts = [make("div", { class: "k-row" }, kind, ...(none || list.length > 1 ? [drop("去掉", () => { list.splice(place, 1); redraw(); add.focus(); keep(); })] : []))];
        if (who.kind === "employee") parts.push(several(`${words}：员工`, who.ids || [], (ids) => { who.ids = ids; keep(); }));
        if (who.kind === "role") parts.push(several(`${words}：角色`, who.ids || [], (ids) => { who.ids = ids; keep(); }, data.roles));
        if (now === "supervisors" || now === "heads") {
          const level = make("input", { class: "k-input k-flow-level", inputmode: "numeric", maxlength: 3, "aria-label": "级数", autocomplete: "off" });
          level.value = who.level ?? "";
          level.addEventListener("input", () => { who.level = /^\d+$/.test(level.value.trim()) ? Number(level.value) : level.value; keep(); });
          parts.push(make("span", { class: "k-row" }, "第", level, now === "heads" ? "级部门的负责人" : "级上级"));
        }
        if (HELP[now]) parts.push(make("p", { class: "k-help" }, HELP[now]));
        return make("div", { class: "k-flow-whom" }, ...parts);
      };
      add.addEventListener("click", () => { list.push(begin("employee")); redraw(list.length - 1); keep(); });
      redraw();
      return make("div", { class: "k-field", role: "group", "aria-label": words }, make("span", { class: "k-label" }, words, ...(none ? [] : [make("span", { class: "k-req", "aria-hidden": "true" }, "*")])), box, make("div", {}, add), ...(fault ? [spot(fault)] : []));
    }

    // A value of a fact: asked in 试一试 and set after the approval.
    function value(fact, given, change, prefix = "") {
      const id = `flow-f${++last}`;
      let control;
      if (["choice", "bool", "department"].includes(fact.kind)) {
        const pairs = fact.kind === "bool" ? [["yes", "是"], ["no", "否"]] : fact.kind === "department" ? data.conditions.departments : fact.options;
        control = make("select", { class: "k-select", id }, option("", "不填", !given), ...pairs.map(([key, shown]) => option(key, shown, String(key) === String(given))));
      } else if (fact.kind === "person") {
        control = make("select", { class: "k-select", id, "data-picker": "/pick/colleague/" }, option("", ""), ...(given ? [option(given, data.names[given] || `员工 ${given}`, true)] : []));
      } else {
        control = make("input", { class: "k-input", id, maxlength: 200, autocomplete: "off", inputmode: fact.kind === "number" ? "decimal" : null, "data-date": fact.kind === "date", "data-money": Boolean(fact.money) });
        control.value = given;
        control.addEventListener("input", () => change(control.value));
        control.addEventListener("blur", () => change(control.value));
      }
      control.addEventListener("change", () => change(control.value));
      return make("div", { class: "k-field" }, make("label", { class: "k-label", for: id }, make("span", { class: "k-visually-hidden" }, prefix), fact.label), control);
    }

    // What happens after the approval.
    function actions(list) {
      const box = make("div", { class: "k-flow-who" });
      const offered = [["notify", "通知"], ["webhook", "推送到网址"], ...(data.settable.length ? [["set", "设置字段"]] : [])];
      const first = { notify: () => ({ kind: "notify", who: [begin("employee")] }), webhook: () => ({ kind: "webhook", url: "" }), set: () => ({ kind: "set", field: data.settable[0].key, value: "" }) };
      const add = make("button", { type: "button", class: "k-btn k-btn-sm" }, "添加动作");
      const redraw = (focus = -1) => { box.replaceChildren(...list.map(row)); dress(box); if (focus >= 0) $("select", box.children[focus])?.focus(); };
      const row = (act, place) => {
        const kind = make("select", { class: "k-select", "aria-label": "做什么" }, ...offered.map(([key, shown]) => option(key, shown, key === act.kind)));
        kind.addEventListener("change", () => { list[place] = first[kind.value](); redraw(place); keep(); });
        const parts = [make("div", { class: "k-row" }, kind, drop("去掉", () => { list.splice(place, 1); redraw(); add.focus(); keep(); }))];
        if (act.kind === "notify") parts.push(people("通知谁", act.who, { chosen: false }));
        if (act.kind === "webhook") parts.push(line("网址", act.url, (typed) => { act.url = typed.trim(); keep(); }, { most: 500, hint: "https://" }), make("p", { class: "k-help" }, "通过后把单据的编号、标题、金额和结果发到这个地址，只发一次，失败记在审批记录里"));
        if (act.kind === "set") {
          const fact = data.settable.find((one) => one.key === act.field) || data.settable[0];
          parts.push(select("字段", data.settable.map((one) => [one.key, one.label]), fact.key, (key) => { Object.assign(act, { field: key, value: "" }); redraw(place); keep(); }), value({ ...fact, label: "设为" }, act.value ?? "", (given) => { act.value = given; keep(); }));
        }
        return make("div", { class: "k-flow-whom" }, ...parts, spot(`after.${place}`));
      };
      add.addEventListener("click", () => { list.push(first.notify()); redraw(list.length - 1); keep(); });
      redraw();
      return make("div", { class: "k-field" }, box, make("div", {}, add));
    }
    return { line, select, choices, toggle, people, value, actions };
  }
  window.kaihaiFlow = { forms, MODES, NOBODY, LATE, RESUME };
})();
