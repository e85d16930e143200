"""Pages of the board: the board itself, the next cards of a lane, and moving a card."""

import json
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from crm.records import saved, scope, services
from crm.records.listquery import ListQuery
from crm.records.undoing import entries
from crm.records.views.base import LAYOUTS, go
from crm.records.views.listing import ListView

from .. import bulkforms, pipelines, stages
from ..forms import MoveForm
from ..models import Opportunity, Stage, State
from . import lanes as board
from .cards import card

FEW = 5000  # opportunities; who sees more meets enough of them on the way through a lane
CARD = ("customer", "owner")  # relations a card shows
CLOSING = {State.WON: "赢单", State.LOST: "输单", State.VOID: "设为无效"}


class Face(ListView):
    """What the faces of the list share: its conditions, read from the same parameters, and one pipeline (`everywhere`: of all)."""

    module_name = "opportunity"
    face = "board"
    without: tuple[str, ...] = ()  # parameters of this page that are no conditions

    def read(self, data) -> None:
        """Read the conditions; 403 where the person may not read what the page is made of."""
        self.views = saved.Views(self.module, self.user)
        self.asked = data = data.copy()
        for name in self.without:
            data.pop(name, None)
        if not data and self.views.default:
            data["view"] = self.views.default
        ids = scope.known_ids(self.module, self.user, FEW)
        rows = None if ids is None else self.module.model.objects.live().filter(pk__any=ids)
        self.state = ListQuery(self.module, self.user, data, rows=rows, views=self.views)
        needs = next(face for face in self.module.faces if face.page == self.face).needs
        if hidden := [key for key in needs if not self.state.fields.readable(key)]:
            labels = "、".join(self.state.fields.label(key) for key in hidden)
            raise PermissionDenied(f"您的角色看不到{self.module.label}的“{labels}”，所以不能打开这个页面。")
        self.records = []

    @property
    def here(self) -> str:
        return self.module.url(self.face)

    def kept(self) -> dict:
        """Parameters that stay when conditions change."""
        return {}

    def head(self) -> dict:
        """The context of the list's head and search row."""
        kept = self.kept()
        own = {f"{self.here}?{self.state.link(**{name: None})}" for name in kept}
        found = {
            "title": self.module.label,
            "actions": self.header_actions(),
            "views": [{**tab, "count": None} for tab in self.view_tabs({"count_text": ""})],
            "faces": self.faces(self.face),
            "q": self.state.q,
            "search_placeholder": self.module.search_placeholder,
            "filters": self.state.filters.form,
            "hidden": [*self.hidden(), *kept.items()],
            "chips": [chip for chip in self.chips() if chip["remove_url"] not in own],
            "tools": self.tools([]),
            "clear_url": self.clear_url(),
            "notices": self.state.problems,
        }
        for name in kept:  # the page has its own switch for it; the conditions are read by now
            self.state.filters.form.fields.pop(name, None)
        return found

    def view_url(self, view) -> str:
        if getattr(view, "page", ""):
            return super().view_url(view)
        return f"{self.here}?{self.query_of(view=view.key)}"

    def clear_url(self) -> str:
        return f"{self.here}?{self.query_of(view=self.state.data.get('view'))}"

    def query_of(self, **values) -> str:
        return urlencode({key: value for key, value in {**values, **self.kept()}.items() if value})


class BoardPage(Face):
    """The pipeline of the address and its lanes."""

    face = "board"
    without = ("lane", "to", "from", "version", "fill")

    def read(self, data) -> None:
        super().read(data)
        chosen = self.state.filters.form.cleaned_data.get("pipeline")
        self.pipelines = pipelines.every()
        mine = pipelines.get(int(chosen)) if chosen else next(iter(pipelines.offered(self.user)), None)
        self.pipeline = mine or self.pipelines[0]
        self.lanes = board.lanes_of(self.pipeline)
        self.rows_here = self.state.rows.filter(pipeline=self.pipeline.pk)
        self.sums = self.state.fields.readable("amount")

    def kept(self) -> dict:
        return {"pipeline": self.pipeline.pk}

    def count(self) -> None:
        board.count_lanes(self.lanes, self.rows_here, sums=self.sums)

    def lane(self, key: str) -> board.Lane:
        """The lane of that key in this pipeline, else 404."""
        found = next((one for one in self.lanes if one.key == key), None)
        if found is None:
            raise Http404
        return found

    def cards(self, ids) -> list[dict]:
        """Cards of these rows in their order; one statement reads them, one asks which of them may be moved."""
        fields = self.state.fields
        found = Opportunity.objects.filter(pk__in=ids).select_related(*CARD).in_bulk() if ids else {}
        records = self.records = [found[pk] for pk in ids if pk in found]
        editable = self.editable(records)
        return [card(one, fields, movable=one.pk in editable) for one in records]

    def totals(self) -> dict:
        """What the head of the board says: everything that is not lost."""
        counted = [lane for lane in self.lanes if not lane.folded]
        found = {"count": sum(lane.count for lane in counted)}
        if self.sums:
            found["total"] = sum(lane.total for lane in counted)
            found["weighted"] = board.cents(sum(board.weigh(lane.total, lane.probability) for lane in counted))
        return found

    def more_url(self, lane: board.Lane, shown: list[int], left: int) -> str | None:
        if left <= 0 or not shown:
            return None
        last = next(record for record in self.records if record.pk == shown[-1])
        return f"{self.here}lane/?{self.query(lane=lane.key, after=board.pack(last, self.state.fields))}"

    def query(self, **more) -> str:
        return self.state.link(pipeline=self.pipeline.pk, **more)


class BoardView(BoardPage):
    """GET /opportunities/board/"""

    def get(self, request):
        self.read(request.GET)
        self.count()
        open_lanes = [lane for lane in self.lanes if not lane.folded]
        first = board.first_ids(self.rows_here, open_lanes, self.state.fields)
        cards = {one["pk"]: one for one in self.cards([pk for ids in first.values() for pk in ids])}
        shown = []
        for lane in self.lanes:
            ids = [pk for pk in first.get(lane.key, []) if pk in cards]
            left = lane.count - len(ids) if not lane.folded else 0
            shown.append(
                {
                    "lane": lane,
                    "cards": [cards[pk] for pk in ids],
                    "left": left,
                    "more_url": self.more_url(lane, ids, left),
                    "open_url": f"{self.here}lane/?{self.query(lane=lane.key)}",
                }
            )
        return self.page(
            "opportunities/board.html",
            {
                **self.head(),
                "pipeline": self.pipeline,
                "pipelines": [
                    {
                        "label": one.name + ("" if one.enabled else "（已停用）"),
                        "active": one is self.pipeline,
                        "url": f"{self.here}?{self.state.link(pipeline=one.pk)}",
                    }
                    for one in self.pipelines
                ],
                "lanes": shown,
                "totals": self.totals(),
                "may_move": self.module.may(self.user, "edit"),
                "move_url": f"{self.here}0/move/?{self.query()}",
            },
        )


class LaneView(BoardPage):
    """GET /opportunities/board/lane/?lane=&after=&<list query>: the next cards of a lane; without `after` the whole lane, for one
    that was folded."""

    def get(self, request):
        self.read(request.GET)
        lane = self.lane(request.GET.get("lane", ""))
        position = request.GET.get("after", "")
        ids, left = board.next_ids(self.rows_here, lane, self.state.fields, position)
        cards = self.cards(ids)
        more = self.more_url(lane, [one["pk"] for one in cards], left)
        if not position:
            self.count()
        return render(
            request,
            "opportunities/board_cards.html" if position else "opportunities/board_lane.html",
            {"lane": lane, "cards": cards, "left": left, "more_url": more},
        )


class MoveView(BoardPage):
    """POST /opportunities/board/<pk>/move/?<list query> with `to` (a lane), `from` and `version`: moves the card, or asks in a
    dialog for what is missing (the fields a stage demands, the reason of a loss). Answers the card and the two heads."""

    action = "edit"
    http_method_names = ["post", "options"]

    def post(self, request, pk):
        self.read(request.GET)
        found = self.rows.filter(pk=pk).select_related("stage", *CARD).first()
        if found is None:
            return self.out_of_hand(pk)
        lane = self.lane(request.POST.get("to", ""))
        version = request.POST.get("version", "")
        self.version = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
        act = self.enter if lane.stage else self.end
        try:
            with entries.watch() as self.undo:
                return act(found, lane)
        except services.Stale:
            return self.refuse(found, f"“{found.name}”刚被别人修改过，已显示最新的内容，请再试一次。")
        except ValidationError as error:
            return self.refuse(found, "；".join(error.messages))

    def out_of_hand(self, pk: int):
        """404 out of sight; a card that was closed meanwhile shows where it stands now; else 403."""
        seen = self.visible(pk)
        if refusal := self.module.refusal(seen, "edit", self.user):
            if self.request.htmx:
                return self.refuse(seen, f"“{seen.name}”已关闭。{refusal}。")
            raise PermissionDenied(refusal)
        raise PermissionDenied("您可以查看这条商机，但不能推进它：它不在您负责的范围内。")

    # Into a stage -----------------------------------------------------------------------------------------------------
    def enter(self, found, lane):
        data, values = self.request.POST, None
        if "fill" in data:
            form = self.fill_form(found, stages.lacking(found, self.stage_of(lane)), data)
            if form.closed:
                raise ValidationError(self.closed_words(form))
            if not form.is_valid():
                return self.ask(found, lane, form, f"进入“{lane.label}”前请填写", status=422)
            values = form.changed_values()
        try:
            stages.move(found, self.stage_of(lane), by=self.user, version=self.version, values=values)
        except stages.Missing as missing:
            form = self.fill_form(found, missing.keys)
            if form.closed:
                raise ValidationError(self.closed_words(form)) from None
            return self.ask(found, lane, form, f"进入“{lane.label}”前请填写")
        except ValidationError as error:
            if values is None or not hasattr(error, "error_dict"):
                raise
            for name, texts in error.message_dict.items():
                form.add_error(name if name in form.fields else None, texts)
            return self.ask(found, lane, form, f"进入“{lane.label}”前请填写", status=422)
        return self.placed(found, f"已推进到“{lane.label}”")

    def stage_of(self, lane) -> Stage:
        stage = Stage.objects.filter(pk=lane.stage.pk).first()
        if stage is None:
            raise ValidationError(f"“{lane.label}”这个阶段刚被删除，请刷新后再试。")
        return stage

    def fill_form(self, found, keys, data=None):
        files = self.request.FILES if data is not None else None
        fresh = Opportunity.objects.get(pk=found.pk)  # a form writes what was typed into its instance
        return MoveForm(data, files, instance=fresh, user=self.user, keys=keys)

    def closed_words(self, form) -> str:
        return f"进入该阶段前需要填写“{'、'.join(form.closed)}”，请在商机的页面上填写，或请有权限的同事填写。"

    # Into an end ------------------------------------------------------------------------------------------------------
    def end(self, found, lane):
        heading = f"{CLOSING[lane.state]}：{found.name}"
        form_class = bulkforms.WonForm if lane.state == State.WON else bulkforms.LostForm
        if "fill" not in self.request.POST:
            form = form_class(user=self.user, module=self.module, rows=None)
            return self.ask(found, lane, form, heading)
        form = form_class(self.request.POST, user=self.user, module=self.module, rows=None)
        if not form.is_valid():
            return self.ask(found, lane, form, heading, status=422)
        data = form.cleaned_data
        stages.close(
            found, lane.state, by=self.user, reason=data.get("reason"), note=data["note"], version=self.version
        )
        return self.placed(found, f"{lane.label}：{found.name}")

    # Answers ----------------------------------------------------------------------------------------------------------
    def ask(self, found, lane, form, heading, status=200):
        """The dialog; the card goes back to where it stood until it is answered."""
        context = {
            "module": self.module,
            "heading": heading,
            "fields": form,
            "action": f"{self.here}{found.pk}/move/?{self.query()}",
            "hidden": [
                ("to", lane.key),
                ("from", self.request.POST.get("from", "")),
                ("version", self.version),
                ("fill", "1"),
            ],
            "back_url": f"{self.here}?{self.query()}",
            "submit_label": CLOSING.get(lane.state) or f"推进到{lane.label}",
            "danger": lane.state in (State.LOST, State.VOID),
            "layout": LAYOUTS["dialog"] if self.request.htmx else "base.html",
        }
        response = render(self.request, "records/confirm.html", context, status=status if self.request.htmx else 200)
        if self.request.htmx:
            response["HX-Retarget"], response["HX-Reswap"] = "#dialog", "innerHTML"
            response["HX-Trigger"] = json.dumps({"board-back": {"pk": found.pk}})
        return response

    def placed(self, found, text: str):
        if not self.request.htmx:
            messages.success(self.request, text)
            return go(self.request, f"{self.here}?{self.query()}")
        return self.pieces(found.pk, {"text": text, "undo": f"/undo/{self.undo[-1]}/" if self.undo else ""})

    def refuse(self, found, text: str):
        if not self.request.htmx:
            messages.error(self.request, text)
            return go(self.request, f"{self.here}?{self.query()}")
        return self.pieces(found.pk, {"text": text, "error": True}, status=422)

    def pieces(self, pk: int, toast: dict, status: int = 200):
        """The card as it is now and the heads of the lanes it left and stands in, as parts to swap in by their ids."""
        self.count()
        there = list(self.rows_here.filter(pk=pk).values_list("pk", flat=True))
        cards = self.cards(there)
        lane = cards[0]["lane"] if cards else ""
        touched = {self.request.POST.get("from", ""), self.request.POST.get("to", ""), lane}
        context = {
            "cards": cards,
            "gone": None if cards else pk,
            "lanes": [one for one in self.lanes if one.key in touched],
            "totals": self.totals(),
        }
        body = render_to_string("opportunities/board_moved.html", context, request=self.request)
        response = HttpResponse(body, status=status)
        response["HX-Reswap"] = "innerHTML" if self.request.htmx.target == "dialog" else "none"
        response["HX-Trigger"] = json.dumps({"toast": toast, "board-place": {"pk": pk, "lane": lane}})
        return response
