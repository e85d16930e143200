// The editor of an approval flow. The definition stands as JSON in one field of the form (so that drafts.js keeps it); cards and
// pane are drawn from it. What a step does in words, and what is wrong with it, the server says: one wording everywhere.
(() => {
  "use strict";
  const { $, $$, icon, iconButton, make, option, Conditions } = window.kaihai;
  const page = $("[data-flow]");
  if (!page) return;
  const data = JSON.parse($("#flow-data").textContent);
  const form = $("#flow-form");
  const text = form.elements.definition;
  const chain = $("[data-flow-chain]");
  const pane = $("[data-flow-pane]");
  const home = pane.parentElement;
  const narrow = matchMedia("(max-width: 991.98px)");
  const { forms, MODES, NOBODY, LATE, RESUME } = window.kaihaiFlow;
  let flow;
  let said = data.said;
  let open;
  let written = text.value;
  let removed = null;

  const indexOf = (key) => flow.steps.findIndex((one) => one.key === key);
  const stepOf = () => flow.steps.find((one) => `step:${one.key}` === open);
  const status = (words) => { $("[data-flow-status]").textContent = words; };

  // ---- Keeping and asking ----
  let timer;
  let asked = 0;
  async function ask() {
    const number = ++asked;
    const body = new FormData();
    body.append("definition", text.value);
    body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    const response = await fetch(page.dataset.read, { method: "POST", body }).catch(() => null);
    if (!response?.ok || response.redirected || number !== asked) return;
    const answer = await response.json();
    if (number !== asked) return;
    said = answer;
    Object.assign(data.names, said.names);
    paint();
  }
  function keep() {
    written = text.value = JSON.stringify(flow);
    text.dispatchEvent(new Event("input", { bubbles: true }));
    page.dataset.changed = "";
    clearTimeout(timer);
    timer = setTimeout(ask, 250);
  }

  // ---- The chain ----
  const action = (label, name, act, { off = false, danger = false } = {}) => {
    const button = make("button", { type: "button", class: `k-menu-item${danger ? " is-danger" : ""}`, disabled: off }, icon(name), label);
    button.addEventListener("click", () => { button.closest("details").open = false; act(); });
    return button;
  };
  const menu = (label, ...items) => make("details", { class: "k-drop" }, make("summary", { class: "k-btn k-btn-icon k-btn-ghost k-btn-sm", "aria-label": label, title: label }, icon("more")), make("div", { class: "k-pop k-menu" }, ...items));
  const adder = (place) => {
    const button = make("button", { type: "button", class: "k-flow-add", "aria-label": `在第 ${place + 1} 步插入步骤`, title: "在此插入步骤" }, icon("plus"));
    button.addEventListener("click", () => insert(place, { ...structuredClone(data.fresh), key: fresh() }));
    return make("div", { class: "k-flow-link" }, button);
  };
  function card(key, mark, ...tools) {
    const opener = make("button", { type: "button", class: "k-flow-open", "data-open": key, "aria-controls": "flow-pane" }, make("span", { class: "k-row k-row-wrap" }, make("b", { "data-name": true }), make("span", { class: "k-chip", "data-mode": true, hidden: true })), make("span", { class: "k-sub", "data-who": true }), make("span", { class: "k-muted k-small", "data-lines": true }), make("span", { class: "k-flow-faults", "data-faults": true }));
    opener.addEventListener("click", () => show(key, true));
    return make("div", { class: "k-flow-node", "data-node": key, id: `flow-${key.replace(":", "-")}` }, make("span", { class: "k-flow-no" }, mark), opener, ...tools);
  }
  function item(step, place) {
    const key = `step:${step.key}`;
    const grip = iconButton("grip", `拖动“${step.name}”排序，也可以按上下方向键`);
    grip.className = "k-btn k-btn-icon k-btn-ghost k-btn-sm k-flow-grip";
    grip.dataset.grip = "";
    grip.addEventListener("keydown", (event) => {
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (by) { event.preventDefault(); move(indexOf(step.key), by); }
    });
    const more = menu(`“${step.name}”：上移、下移、复制、删除`, action("上移", "up", () => move(indexOf(step.key), -1), { off: place === 0 }), action("下移", "down", () => move(indexOf(step.key), 1), { off: place === flow.steps.length - 1 }), action("复制", "clip", () => insert(indexOf(step.key) + 1, { ...structuredClone(step), key: fresh(), name: `${step.name} 副本`.slice(0, 50) })), action("删除", "trash", () => drop(indexOf(step.key)), { danger: true }));
    return make("div", { class: "k-flow-item", "data-key": step.key }, card(key, String(place + 1), grip, more), adder(place + 1));
  }
  function undoLine() {
    if (!removed) return "";
    const { step, place } = removed;
    const back = make("button", { type: "button", class: "k-link" }, "撤销");
    back.addEventListener("click", () => insert(Math.min(place, flow.steps.length), step, true));
    return make("p", { class: "k-flow-undo k-small" }, `已删除步骤“${step.name}”，保存前可以`, back);
  }
  function draw() {
    pane.remove();
    const start = make("button", { type: "button", class: "k-flow-end", "data-open": "start", "data-node": "start", id: "flow-start", "aria-controls": "flow-pane" }, make("b", {}, "发起人提交"), make("span", { "data-who": true }), make("span", { class: "k-flow-faults", "data-faults": true }));
    start.addEventListener("click", () => show("start", true));
    const list = make("div", { class: "k-flow-list" }, ...flow.steps.map(item));
    const empty = make("p", { class: "k-flow-none k-sub" }, "还没有步骤。点上面的加号添加第一步：谁来审批。");
    chain.replaceChildren(start, adder(0), flow.steps.length ? list : empty, undoLine(), card("copies", icon("mail")), make("div", { class: "k-flow-link" }), card("after", icon("flag")));
    if (flow.steps.length > 1) sortable().then((Sortable) => Sortable.create(list, { handle: "[data-grip]", draggable: ".k-flow-item", animation: 120, ghostClass: "is-drag", onEnd: () => {
      const order = [...list.children].map((one) => one.dataset.key);
      flow.steps.sort((one, other) => order.indexOf(one.key) - order.indexOf(other.key));
      settle();
    } }));
    if (open.startsWith("step:") && !stepOf()) open = flow.steps.length ? `step:${flow.steps[0].key}` : "start";
    show(open, false);
  }
  let library;
  const sortable = () => (library ||= new Promise((done) => {
    const script = make("script", { src: document.body.dataset.sortable });
    script.onload = () => done(window.Sortable);
    document.head.append(script);
  }));
  const settle = () => { said = { ...said, steps: flow.steps.map((one) => said.steps.find((other) => other.key === one.key) || { key: one.key, who: "", lines: [] }), problems: {} }; draw(); keep(); };
  const fresh = () => { let key; do { key = `s${Math.random().toString(36).slice(2, 9)}`; } while (indexOf(key) >= 0); return key; };
  function insert(place, step, back = false) {
    if (flow.steps.length >= data.most) { status(`最多 ${data.most} 个步骤`); return; }
    removed = null;
    flow.steps.splice(place, 0, step);
    open = `step:${step.key}`;
    settle();
    status(back ? `已恢复“${step.name}”` : `已添加第 ${place + 1} 步`);
    $("input", pane)?.focus();
    $("input", pane)?.select();
  }
  function move(place, by) {
    const to = place + by;
    if (to < 0 || to >= flow.steps.length) return;
    const [step] = flow.steps.splice(place, 1);
    flow.steps.splice(to, 0, step);
    settle();
    status(`“${step.name}”已移到第 ${to + 1} 步`);
    $(`[data-key="${step.key}"] [data-grip]`, chain).focus();
  }
  function drop(place) {
    const [step] = flow.steps.splice(place, 1);
    removed = { step, place };
    if (open === `step:${step.key}`) open = flow.steps.length ? `step:${flow.steps[Math.min(place, flow.steps.length - 1)].key}` : "start";
    settle();
    status(`已删除“${step.name}”`);
    $(".k-flow-undo button", chain)?.focus();
  }

  // ---- What stands on the cards and beside the fields ----
  const faultsAt = (...places) => Object.entries(said.problems).filter(([at]) => places.some((place) => at === place || at.startsWith(`${place}.`))).flatMap(([, some]) => some);
  const fault = (words) => make("span", { class: "k-flow-fault" }, icon("warn"), words);
  function fill(node, { name, mode = "", who, lines = [], faults }) {
    if (name !== undefined) $("[data-name]", node).textContent = name || "（没有名称）";
    const chip = $("[data-mode]", node);
    if (chip) { chip.hidden = !mode; chip.textContent = mode; }
    $("[data-who]", node).textContent = who;
    const place = $("[data-lines]", node);
    if (place) place.replaceChildren(...lines.map((line) => make("span", {}, line)));
    $("[data-faults]", node).replaceChildren(...faults.map(fault));
  }
  function paint() {
    const node = (key) => $(`[data-node="${key}"]`, chain);
    fill(node("start"), { who: said.start || "", faults: faultsAt("steps", "own", "resume").filter((words) => !flow.steps.some((one, place) => faultsAt(`steps.${place}`).includes(words))) });
    flow.steps.forEach((step, place) => {
      const words = said.steps.find((one) => one.key === step.key) || { who: "", lines: [] };
      fill(node(`step:${step.key}`), { name: step.name, mode: MODES.find(([key]) => key === step.mode)?.[1], who: words.who, lines: words.lines, faults: faultsAt(`steps.${place}`) });
    });
    fill(node("copies"), { name: "抄送", who: said.copies || "不抄送", faults: faultsAt("copies") });
    fill(node("after"), { name: "通过后", who: said.after?.join("；") || "只通知发起人", faults: faultsAt("after") });
    $("[data-flow-when]").textContent = said.condition;
    $("[data-flow-when-faults]").replaceChildren(...faultsAt("condition").map(fault));
    const place = stepOf() ? indexOf(stepOf().key) : -1;
    for (const spot of $$("[data-fault]", pane)) spot.replaceChildren(...faultsAt(place >= 0 ? `steps.${place}.${spot.dataset.fault}` : spot.dataset.fault).map(fault));
  }

  // ---- The pane ----
  const set = (target, key) => (value) => { target[key] = value; keep(); };
  const close = (label, act) => { const button = iconButton("trash", label); button.className = "k-btn k-btn-icon k-btn-ghost k-btn-sm k-push"; button.addEventListener("click", act); return button; };
  const dress = (element) => document.dispatchEvent(new CustomEvent("htmx:load", { detail: { elt: element } }));
  function content() {
    const tools = forms(data, keep, dress);
    if (open === "start") return ["发起", [
      make("p", { class: "k-sub" }, "发起人提交之后，从第一步开始审批。"),
      tools.toggle("允许发起人审批自己的单据", flow.own, set(flow, "own"), "关闭时，发起人是审批人的步骤跳过或由别人代审"),
      tools.choices("被拒绝、修改后再提交", "resume", RESUME, flow.resume, set(flow, "resume")),
    ]];
    if (open === "copies") return ["抄送", [make("p", { class: "k-sub" }, "这些人收到消息，可以查看单据，不用审批。"), tools.people("抄送给", flow.copies, { chosen: false, fault: "copies", none: true })]];
    if (open === "after") return ["通过后", [make("p", { class: "k-sub" }, "全部步骤通过之后自动做的事。发起人总会收到消息。"), tools.actions(flow.after)]];
    const step = stepOf();
    return [`步骤 ${indexOf(step.key) + 1}`, [
      tools.line("名称", step.name, (value) => { step.name = value.trim(); $(`[data-node="${open}"] [data-name]`, chain).textContent = step.name || "（没有名称）"; keep(); }, { most: 50, fault: "name", required: true }),
      tools.people("审批人", step.who, { fault: "who" }),
      tools.choices("多人时", "mode", MODES, step.mode, (value) => { set(step, "mode")(value); paint(); }),
      make("div", { class: "k-stack k-stack-2" }, tools.toggle("与发起人相同时跳过", step.skip_self, set(step, "skip_self")), tools.toggle("前面步骤已同意则跳过", step.skip_approved, set(step, "skip_approved")), tools.toggle("允许加签与转交", step.changeable, set(step, "changeable"))),
      make("div", { class: "k-form-pair" }, tools.line("时限（小时）", step.hours ?? "", (value) => set(step, "hours")(value.trim() || null), { most: 6, fault: "hours", hint: "不限", numeric: true }), tools.select("超时后", LATE, step.late, set(step, "late"))),
      tools.select("找不到审批人时", NOBODY, step.nobody, set(step, "nobody")),
    ], close("删除这一步", () => drop(indexOf(step.key)))];
  }
  function show(key, focus) {
    open = key;
    const [title, parts, tool = ""] = content();
    pane.replaceChildren(make("div", { class: "k-card-head k-card-head-line" }, make("h2", { class: "k-card-title", tabindex: -1 }, title), tool), make("div", { class: "k-card-body k-card-body-line k-stack" }, ...parts));
    for (const one of $$("[data-node]", chain)) one.classList.toggle("is-active", one.dataset.node === key);
    for (const one of $$("[data-open]", chain)) one.setAttribute("aria-expanded", one.dataset.open === key);
    place();
    dress(pane);
    paint();
    if (focus) $("h2", pane).focus({ preventScroll: !narrow.matches });
  }
  // On the phone the pane stands below its card.
  const place = () => { narrow.matches ? $(`[data-node="${open}"]`, chain)?.after(pane) : home.append(pane); };
  narrow.addEventListener("change", place);

  // ---- The condition ----
  class When extends Conditions {
    changed() {
      const tree = this.read($(".k-cond-group", this.place));
      flow.condition = tree.c.length ? tree : {};
      keep();
      asks();
    }

    // A row that is not filled in yet stays, so that the server can say what is missing.
    one(line) {
      const key = $(".k-cond-field", line).value;
      if (!key) return null;
      const o = $(".k-cond-op", line).value;
      const takes = this.data.operators[this.operands.get(key).kind].find(([code]) => code === o)?.[2];
      const found = super.one(line);
      if (found) return takes === 1 ? { ...found, v: found.v[0] } : found;
      return takes === 2 ? { f: key, o, v: $$(".k-cond-value input", line).map((input) => input.value.trim()) } : { f: key, o };
    }

    draw() {
      this.place.replaceChildren(this.group(flow.condition?.c?.length ? flow.condition : { m: "and", c: [{}] }, 1));
    }
  }
  const when = new When($("[data-flow-conditions]"), { ...data.conditions, names: data.names });
  when.place.addEventListener("change", () => when.changed());
  when.place.addEventListener("input", () => when.changed());
  when.place.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.matches("input") && !event.target.closest(".ts-wrapper, .k-date")) event.preventDefault(); });

  // ---- 试一试: what the condition asks about, and always the amount ----
  const trial = $("#flow-try-form");
  const facts = $("[data-flow-facts]");
  const values = { ...data.trial };
  const keysOf = (node) => (node?.c ? node.c.flatMap(keysOf) : node?.f ? [node.f] : []);
  function asks() {
    const keys = ["amount", ...new Set(keysOf(flow.condition))].filter((key, at, all) => all.indexOf(key) === at && !["submitter", "department"].includes(key) && when.operands.has(key));
    if (facts.dataset.keys === keys.join()) return;
    facts.dataset.keys = keys.join();
    const tools = forms(data, () => {}, dress);
    facts.replaceChildren(...keys.map((key) => tools.value(when.operands.get(key), values[key] ?? "", (value) => { values[key] = value; }, "试一试 ")));
    dress(facts);
  }
  trial.addEventListener("submit", () => { trial.elements.values.value = JSON.stringify(values); }, true);
  trial.addEventListener("htmx:configRequest", (event) => { event.detail.parameters.values = JSON.stringify(values); });

  // ---- Beginning, and a draft that comes back ----
  async function load() {
    flow = JSON.parse(text.value);
    open = flow.steps.length ? `step:${flow.steps[0].key}` : "start";
    if (text.value !== text.defaultValue) await ask();
    when.draw();
    asks();
    draw();
  }
  form.addEventListener("change", (event) => { if (event.target === form && text.value !== written) { written = text.value; load(); } });
  page.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-flow-at]");
    if (!link) return;
    const at = link.dataset.flowAt.split(".");
    const key = at[0] === "steps" && at[1] !== undefined ? `step:${flow.steps[Number(at[1])]?.key}` : { copies: "copies", after: "after" }[at[0]] || "start";
    if (at[0] !== "condition") { event.preventDefault(); show(key, true); $(`[data-node="${key}"]`, chain)?.scrollIntoView({ block: "center" }); }
  });
  load();
})();
