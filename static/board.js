// The kanban: cards go by drag (mouse, touch) or by the menu of a card to another lane; the server answers with the parts
// that changed, or the card goes back to where it stood.
(() => {
  "use strict";
  const board = document.getElementById("board");
  if (!board) return;
  const url = board.dataset.moveUrl;
  const menu = document.getElementById("deal-menu");
  const origins = new Map();  // card -> where it stood until the server has answered
  const lane = (key) => document.getElementById(`lane-${key}`);
  const cardOf = (pk) => document.getElementById(`deal-${pk}`);
  const cardsOf = (section) => section.querySelector("[data-cards]");

  function back(pk) {
    const card = cardOf(pk);
    const origin = origins.get(String(pk));
    origins.delete(String(pk));
    if (!card) return;
    card.classList.remove("is-sent");
    if (origin && card.parentNode !== origin.list) origin.list.insertBefore(card, origin.next?.parentNode === origin.list ? origin.next : null);
  }

  function send(card, to, from) {
    card.classList.add("is-sent");
    const pk = card.dataset.deal;
    htmx.ajax("POST", url.replace("/board/0/", `/board/${pk}/`), { source: card, target: card, swap: "none", values: { to, from, version: card.dataset.version } });
  }

  // The card stands where the record is now; its new content follows in the same answer.
  document.addEventListener("board-place", (event) => {
    const { pk, lane: key } = event.detail;
    const card = cardOf(pk);
    origins.delete(String(pk));
    const section = key && lane(key);
    if (!card || !section) return;
    if (!cardsOf(section).contains(card)) cardsOf(section).prepend(card);
  });
  document.addEventListener("board-back", (event) => back(event.detail.pk));
  document.addEventListener("htmx:afterRequest", (event) => {
    const { xhr, successful } = event.detail;
    const { elt } = event.detail.requestConfig;  // the card may have been replaced by now
    for (const card of board.querySelectorAll(".k-lane-drop > .k-deal:not(.is-sent)")) card.remove();  // a folded lane shows none
    if (!elt.dataset?.deal) return;
    if (!successful && xhr.status !== 422) back(elt.dataset.deal);
    const card = cardOf(elt.dataset.deal);
    card?.classList.remove("is-sent");
    if (card && document.activeElement === document.body && !document.querySelector("dialog[open]")) card.focus({ preventScroll: true });
  });
  if (!url) return;

  // ---- Drag ----
  const over = (section) => { for (const one of board.querySelectorAll(".is-over")) one.classList.remove("is-over"); section?.classList.add("is-over"); };
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  function sort(list) {
    if (!window.Sortable || list.dataset.ready) return;
    list.dataset.ready = "1";
    window.Sortable.create(list, {
      group: "board", sort: false, draggable: "[data-deal]", filter: "[data-deal-menu]", preventOnFilter: false, animation: still ? 0 : 120,
      ghostClass: "is-ghost", dragClass: "is-drag", delay: 180, delayOnTouchOnly: true, touchStartThreshold: 6, scroll: true, bubbleScroll: true,
      onStart: ({ item }) => {
        origins.set(item.dataset.deal, { list: item.parentNode, next: item.nextElementSibling });
        board.classList.add("is-dragging");
      },
      onMove: ({ to }) => over(to.closest("[data-lane]")),
      onEnd: ({ item, from, to }) => {
        over(null);
        board.classList.remove("is-dragging");
        if (from === to) { origins.delete(item.dataset.deal); return; }
        send(item, to.closest("[data-lane]").dataset.lane, from.closest("[data-lane]").dataset.lane);
      },
    });
  }
  const ready = (scope) => { for (const list of scope.querySelectorAll("[data-cards]")) sort(list); };
  ready(board);
  document.addEventListener("htmx:afterSettle", () => ready(board));

  // ---- The menu twin ----
  function open(card) {
    const button = card.querySelector("[data-deal-menu]");
    menu.dataset.pk = card.dataset.deal;
    const here = card.closest("[data-lane]").dataset.lane;
    for (const item of menu.children) item.hidden = item.dataset.to === here;
    menu.showPopover();
    const at = button.getBoundingClientRect();
    menu.style.left = `${Math.max(8, Math.min(at.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 8))}px`;
    menu.style.top = `${Math.max(8, Math.min(at.bottom + 4, innerHeight - menu.offsetHeight - 8))}px`;
    [...menu.children].find((item) => !item.hidden).focus();
  }
  board.addEventListener("click", (event) => {
    const button = event.target.closest("[data-deal-menu]");
    if (button) open(button.closest("[data-deal]"));
  });
  board.addEventListener("keydown", (event) => {
    if (!event.target.matches(".k-deal") || !["Enter", " ", "ContextMenu"].includes(event.key)) return;
    event.preventDefault();
    if (event.target.dataset.deal) open(event.target);
    else event.target.querySelector("a").click();
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const items = [...menu.children].filter((item) => !item.hidden);
    const step = event.key === "ArrowDown" ? 1 : -1;
    items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
    event.preventDefault();
  });
  menu.addEventListener("click", (event) => {
    const to = event.target.closest("[data-to]")?.dataset.to;
    if (!to) return;
    const card = cardOf(menu.dataset.pk);
    menu.hidePopover();
    card.focus({ preventScroll: true });
    send(card, to, card.closest("[data-lane]").dataset.lane);
  });
})();
