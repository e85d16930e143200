"""How opportunities are imported: the stage by its name within the row's pipeline, the decider by name at the customer."""

from django.utils import timezone

from crm.records import fieldset, modules
from crm.records.custom import definitions
from crm.records.importing import write
from crm.records.importing.keys import EMPTY
from crm.records.importing.targets import OWNER, Importer, Target
from customers.importing import HISTORY, customers_by_name
from customers.models import Contact

from . import counting, pipelines
from .models import Competitor, Opportunity, StageEntry, State
from .models.opportunity import OF_LINES
from .services import one_line, rivals_in


def pipelines_by_name(user, names) -> dict[str, object]:
    """{name: id or sentence} of those the person may use; an empty cell is the first of them."""
    found = pipelines.offered(user)
    known = {one.name: one.pk for one in found}
    answer = {name: known.get(name, f"没有“{name[:30]}”这个商机组，或它不对您的部门开放") for name in names}
    if "" in answer:
        answer[""] = found[0].pk if found else "没有您可以使用的商机组"
    return answer


class OpportunityImporter(Importer):
    module = "opportunity"
    key_label, key_targets, duplicate_message = "客户、商机名称", ("customer", "name"), "该客户下已有同名商机"
    targets = (
        Target("name", synonyms=("商机", "名称", "机会名称"), example="数据中台一期"),
        Target(
            "customer",
            lookup=customers_by_name,
            create=True,
            synonyms=("客户名称", "所属客户", "公司"),
            example="云澜智造科技（苏州）有限公司",
            note="系统中您可编辑的客户的全名",
        ),
        Target("owner", lookup=OWNER, create=True, synonyms=("业务员", "销售", "跟进人"), note="空着就是您自己"),
        Target(
            "pipeline",
            "商机组",
            field="",
            lookup=pipelines_by_name,
            create=True,
            synonyms=("商机流程", "销售流程"),
            note="空着就是默认的商机组",
            options=lambda: [one.name for one in pipelines.every() if one.enabled],
        ),
        Target(
            "stage",
            "商机阶段",
            field="",
            create=True,
            synonyms=("阶段", "销售阶段"),
            note="该商机组的阶段，空着就是第一个",
            options=lambda: list(dict.fromkeys(stage.name for one in pipelines.every() for stage in one.stages)),
        ),
        Target("amount", synonyms=("金额", "预计金额", "商机金额"), example="120000.00"),
        Target("discount", synonyms=("折扣", "整单折扣"), create=True, example="5", note="0 到 100"),
        Target("expected_on", synonyms=("预计成交时间", "结单日期"), example="2026-03-31"),
        Target(
            "decider",
            "决策人",
            field="",
            create=True,
            synonyms=("关键人", "联系人"),
            example="许一诺",
            note="该客户的联系人的姓名",
        ),
        Target("source", synonyms=("来源",)),
        Target("competitors", create=True, synonyms=("竞品",), example="海蓝软件", note="几个之间用顿号隔开"),
        Target("next_contact_at", synonyms=("下次跟进时间",), example="2026-01-31 14:00"),
        Target("remark", synonyms=("说明",)),
        Target("state", function="history", create=True, synonyms=("商机状态",), note="空着就是进行中"),
        Target("stage_since", function="history", create=True),
        Target("moved_at", function="history", create=True),
        Target("last_followed_at", function="history", create=True, synonyms=("最近跟进时间",)),
        Target("closed_at", function="history", create=True, synonyms=("成交时间", "结单时间"), note="已关闭的填写"),
        Target("close_reason", function="history", create=True, note="输单和无效必填"),
        Target("close_note", function="history", create=True),
        *HISTORY,
    )

    def key_fields(self):
        return ("customer_id", "name")

    def refuse(self, record):
        if record.lines_total is not None and record.amount != record.lines_total:
            return "预计成交金额", OF_LINES
        return None

    def rows(self, chunk):
        values, size = chunk.values, len(chunk)
        if "pipeline" in values:
            values["pipeline_id"] = values["pipeline"]
        else:
            found = pipelines_by_name(chunk.plan.user, {""})[""]
            values["pipeline_id"] = [found if isinstance(found, int) else None] * size
            if not isinstance(found, int):
                for row in range(size):
                    chunk.fail(row, "商机组", found)
        self._stages(chunk)
        self._deciders(chunk)
        self._ends(chunk)
        if "discount" in values:
            for row, discount in enumerate(values["discount"]):
                if discount is not None and not 0 <= discount <= 100:
                    chunk.fail(row, "整单折扣（%）", "折扣应在 0 到 100 之间")
        if "competitors" in values:
            values["competitors"] = [one_line(rivals_in(text)) for text in values["competitors"]]
        self._stays(chunk)
        moved = values.get("moved_at") or [None] * size
        values["moved_at"] = [at or entered for at, entered in zip(moved, values["stage_since"], strict=True)]

    def _stays(self, chunk) -> None:
        """When the stage was entered: at the latest at the end."""
        values, size, now = chunk.values, len(chunk), timezone.now()
        created = values.get("created_at") or [None] * size
        since = values.get("stage_since") or [None] * size  # an empty cell is now
        values["stage_since"] = [
            min(filter(None, (at or made or now, end)))
            for at, made, end in zip(since, created, values["closed_at"], strict=True)
        ]

    def judge(self, chunk, rows):
        """Open ones have what their stage demands, as on the form; closed ones are history."""
        demands = {stage.pk: stage for one in pipelines.every() for stage in one.stages if stage.required}
        if not demands:
            return
        custom, values = definitions.custom(self.module), chunk.values
        labels = fieldset.of(modules.get(self.module), chunk.plan.user)
        for row in rows:
            stage = demands.get(values["stage_id"][row])
            if stage is None or values["state"][row] != State.OPEN:
                continue
            for key in stage.required:
                if key in custom and custom[key].retired:
                    continue
                column = values.get(f"{key}_id") or values.get(key)
                if column is None and key in custom and custom[key].default not in EMPTY:
                    continue
                if column is None or column[row] in EMPTY:
                    chunk.fail(row, labels.label(key), f"“{stage.name}”阶段必须填写")

    def _stages(self, chunk) -> None:
        known = {one.pk: {stage.name: stage.pk for stage in one.stages} for one in pipelines.every()}
        names, found = chunk.values.get("stage") or [""] * len(chunk), []
        for row, (pipeline, name) in enumerate(zip(chunk.values["pipeline_id"], names, strict=True)):
            stages = known.get(pipeline, {})
            found.append(stages.get(name) if name else next(iter(stages.values()), None))
            if found[-1] is None and pipeline is not None:
                words = f"该商机组没有“{name[:20]}”这个阶段" if name else "该商机组还没有阶段"
                chunk.fail(row, "商机阶段", words)
        chunk.values["stage_id"] = found

    def _deciders(self, chunk) -> None:
        names = chunk.values.get("decider")
        if names is None or "customer_id" not in chunk.values:
            return
        customers = {pk for pk in chunk.values["customer_id"] if pk}
        known: dict[tuple, list[int]] = {}
        rows = Contact.objects.allowed(chunk.plan.user, "view").filter(customer_id__any=sorted(customers))
        for pk, customer, name in rows.filter(name__any=sorted(set(filter(None, names)))).values_list(
            "pk", "customer_id", "name"
        ):
            known.setdefault((customer, name), []).append(pk)
        found = []
        for row, (customer, name) in enumerate(zip(chunk.values["customer_id"], names, strict=True)):
            pks = known.get((customer, name), []) if name else []
            found.append(pks[0] if len(pks) == 1 else None)
            if name and customer and len(pks) != 1:
                words = f"该客户有 {len(pks)} 位“{name[:20]}”" if pks else f"该客户没有“{name[:20]}”这位联系人"
                chunk.fail(row, "决策人", words)
        chunk.values["decider_id"] = found

    def _ends(self, chunk) -> None:
        """A state and what belongs to it."""
        values, size = chunk.values, len(chunk)
        states = values.get("state")
        if states is None:
            values["state"] = states = [State.OPEN.value] * size
        closed = values.get("closed_at") or [None] * size
        reasons, notes = values.get("close_reason_id") or [None] * size, values.get("close_note") or [""] * size
        now = timezone.now()
        for row, state in enumerate(states):
            if state == State.OPEN and (closed[row] or reasons[row] or notes[row]):
                chunk.fail(row, "状态", "进行中的商机不能有关闭时间、原因和说明")
            if state in (State.LOST, State.VOID) and not reasons[row]:
                chunk.fail(row, "关闭原因", "输单和无效请填写关闭原因")
        values["closed_at"] = [
            None if state == State.OPEN else at or now for state, at in zip(states, closed, strict=True)
        ]

    def created(self, chunk, ids, job):
        """Stays in stages, competitors, the figures of the customers."""
        by, entries, rivals, customers = chunk.plan.user, [], [], set()
        names = (
            "pk",
            "customer_id",
            "stage_id",
            "stage__name",
            "stage_since",
            "state",
            "closed_at",
            "close_note",
            "competitors",
        )
        for pk, customer, stage, name, since, state, closed, note, text in Opportunity.objects.filter(
            pk__any=ids
        ).values_list(*names):
            customers.add(customer)
            entries.append((pk, stage, name, State.OPEN.value, since, closed, ""))
            if state != State.OPEN:
                entries.append((pk, None, "", state, closed, closed, note))
            rivals += [(pk, rival) for rival in rivals_in(text)]
        _insert(StageEntry, entries, by_id=by.pk)
        if rivals:
            pks, called = (list(column) for column in zip(*rivals, strict=True))
            write.insert(Competitor, {"opportunity_id": pks, "name": called}, len(pks))
        counting.recount(customers)


def _insert(model, entries: list[tuple], *, by_id: int) -> None:
    names = ("opportunity_id", "stage_id", "stage_name", "state", "entered_at", "left_at", "note")
    columns = {name: list(column) for name, column in zip(names, zip(*entries, strict=True), strict=True)}
    write.insert(model, {**columns, "by_id": write.Same(by_id)}, len(entries))


OPPORTUNITIES = OpportunityImporter()
