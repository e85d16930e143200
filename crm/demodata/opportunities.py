"""Opportunities of the demo company: two pipelines, every state, histories of stages, people who decide, competitors."""

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from crm.loading import load, next_id, reset_sequences
from crm.records import modules, search
from crm.records.models import DictionaryItem
from customers.models import ChurnState, Contact, Customer
from opportunities import counting
from opportunities import setting_services as settings
from opportunities.models import Competitor, Opportunity, Pipeline, Stage, StageEntry, Stakeholder, State, Tick

NUMBER = 96
SELLERS = ("13800000012", "13800000013", "13800000022", "13800000011", "13800000021")
WEIGHTS = (34, 26, 22, 8, 6)
THINGS = ["数据中台", "产线质量追溯", "智能排产", "设备联网采集", "仓储管理", "移动巡检", "能耗监测", "售后服务平台"]
PARTS = ["一期", "二期", "试点", "扩容", "升级", "续费", "集团推广"]
RIVALS = {
    "海蓝软件": ("报价低，本地团队响应快", "没有行业案例", "突出同行业三家客户的上线效果"),
    "长青信息": ("老供应商，关系熟", "产品多年没有更新", "约技术负责人看新版本演示"),
    "启明数科": ("大厂品牌，资金实力强", "实施周期长，按人天收费", "承诺 60 天上线，总价包干"),
    "自研团队": ("懂自己的业务", "人手不足，已拖延半年", "先做一个车间，让他们的人参与"),
}
DETAILS = {
    "初步接洽": {"probability": 10, "checklist": ["约首次拜访", "确认决策流程"], "max_days": 14, "remind_days": 7},
    "需求确认": {
        "probability": 30,
        "required": ["amount"],
        "checklist": ["现场调研", "输出需求清单"],
        "max_days": 21,
        "remind_days": 14,
    },
    "方案报价": {
        "probability": 50,
        "required": ["amount", "expected_on"],
        "checklist": ["方案宣讲", "报价单发出", "确认预算"],
        "max_days": 30,
        "remind_days": 20,
    },
    "商务谈判": {
        "probability": 80,
        "required": ["amount", "expected_on", "decider"],
        "checklist": ["合同条款确认", "付款方式确认"],
        "max_days": 20,
        "remind_days": 10,
    },
}
CHANNEL = [("线索确认", 15), ("联合拜访", 35), ("渠道报备", 55), ("合同会签", 85)]
NOTES = {
    State.WON: ["价格和方案都认可，已走合同流程", "老客户续费，走框架协议"],
    State.LOST: ["对手低两成，客户选了低价", "集团统一采购，换了供应商"],
    State.VOID: ["学生做课题，没有采购需求", "与另一条商机重复"],
}
AMOUNTS = (38_000, 68_000, 98_000, 126_000, 188_000, 260_000, 420_000, 680_000)


def make(people: dict, pick: Random) -> list[tuple]:
    """Create them with the dates they would have had; returns the log rows that working on them would have left: (at, content
    type, id, actor, code, text, changes)."""
    pipelines = _pipelines(people)
    found = _opportunities(people, pipelines, pick)
    found.sort(key=lambda one: one["created"])
    first = next_id(Opportunity)
    for place, one in enumerate(found):
        one["pk"] = first + place
    reasons = dict(DictionaryItem.objects.filter(dictionary="opportunity.close_reason").values_list("label", "pk"))
    names = (
        "id name customer_id owner_id pipeline_id stage_id stage_since state amount expected_on decider_id discount source_id"
        " competitors next_contact_at last_followed_at moved_at closed_at close_reason_id close_note remark created_by_id"
        " created_at updated_at version extra"
    ).split()
    rows = []
    for one in found:
        reason = pick.choice(["价格过高", "需求取消", "预算不足", "选择竞争对手"])
        ended = one["state"] != State.OPEN
        rows.append(
            (
                one["pk"],
                one["name"],
                one["customer"].pk,
                one["owner"],
                one["pipeline"].pk,
                one["stage"].pk,
                one["since"],
                one["state"].value,
                one["amount"],
                one["expected"],
                one["people"][0].pk if one["people"] else None,
                Decimal(0),
                one["customer"].source_id,
                "、".join(one["rivals"]),
                one["next"],
                None,
                one["moved"],
                one["closed"],
                reasons["信息有误" if one["state"] == State.VOID else reason]
                if ended and one["state"] != State.WON
                else None,
                pick.choice(NOTES[one["state"]]) if ended else "",
                "",
                one["owner"],
                one["created"],
                one["updated"],
                len(one["stays"]) + ended,
                {},
            )
        )
    load(Opportunity, names, rows)
    _entries(found)
    _people_and_rivals(found, pick)
    reset_sequences([Opportunity])
    search.index(modules.get("opportunity"), list(Opportunity.objects.filter(pk__gte=first)))
    counting.recount({one["customer"].pk for one in found})
    return _log(found)


def _pipelines(people: dict) -> list[Pipeline]:
    """The first pipeline with what its stages demand, and one for partners in the south."""
    by = people["13800000003"]
    standard = Pipeline.objects.get(is_default=True)
    for stage in standard.stages.all():
        values = {"name": stage.name, "required": [], **DETAILS[stage.name]}
        settings.update_stage(Stage.objects.select_related("pipeline").get(pk=stage.pk), values, by=by)
    standard.refresh_from_db()
    served = standard.departments.all()
    values = {"name": standard.name, "idle_days": 14, "close_days": 90, "departments": served}
    settings.update_pipeline(standard, values, version=standard.version, by=by)
    south = [people["13800000021"].department]
    channel = settings.create_pipeline(
        {"name": "渠道合作", "idle_days": 21, "close_days": None, "departments": south}, by=by
    )
    first = channel.stages.get()
    blank = {"required": [], "checklist": [], "max_days": None, "remind_days": None}
    for name, probability in CHANNEL:
        settings.create_stage(channel, {"name": name, "probability": probability, **blank}, by=by)
    settings.delete_stage(Stage.objects.select_related("pipeline").get(pk=first.pk), None, by=by)
    return [standard, channel]


def _opportunities(people: dict, pipelines: list[Pipeline], pick: Random) -> list[dict]:
    now, found = timezone.now(), []
    stages = {one.pk: list(one.stages.all()) for one in pipelines}
    theirs: dict[int, list[Customer]] = {}
    for customer in Customer.objects.live().exclude(churn_state=ChurnState.LOST).order_by("pk"):
        theirs.setdefault(customer.owner_id, []).append(customer)
    contacts: dict[int, list[Contact]] = {}
    for contact in Contact.objects.live().order_by("pk"):
        contacts.setdefault(contact.customer_id, []).append(contact)
    sellers = [people[phone] for phone in SELLERS]
    able = [(one, weight) for one, weight in zip(sellers, WEIGHTS, strict=True) if theirs.get(one.pk)]
    used: set[tuple] = set()
    while len(found) < NUMBER:
        owner = pick.choices([one for one, _ in able], weights=[weight for _, weight in able])[0]
        customer = pick.choice(theirs[owner.pk])
        name = f"{pick.choice(THINGS)}{pick.choice(PARTS)}"
        if (customer.pk, name) in used:
            continue
        used.add((customer.pk, name))
        south = owner.phone in ("13800000022", "13800000021")
        pipeline = pipelines[1] if south and pick.random() < 0.5 else pipelines[0]
        state = pick.choices([State.OPEN, State.WON, State.LOST, State.VOID], weights=[56, 22, 16, 6])[0]
        steps = pick.randint(1, 4) if state == State.OPEN else pick.randint(2, 4)
        span = pick.randint(4, 70) if state == State.OPEN else pick.randint(30, 150)
        quiet = pick.choice([0, 1, 2, 3, 5, 8, 12, 18, 30]) if state == State.OPEN else pick.randint(1, 200)
        created = _hour(max(now - timedelta(days=span + quiet), customer.created_at + timedelta(hours=1)), pick, now)
        last = max(created, _hour(now - timedelta(days=quiet), pick, now))
        ended = last if state != State.OPEN else None
        steps = min(steps, len(stages[pipeline.pk]))
        times = sorted(
            min(max(_hour(created + (last - created) * pick.random(), pick), created), last) for _ in range(steps - 1)
        )
        stays = list(zip(stages[pipeline.pk][:steps], [created, *times], strict=True))
        amount = Decimal(pick.choice(AMOUNTS)) + pick.choice([0, 0, 500, 1200])
        early = steps == 1 and pick.random() < 0.4
        expected = (ended or now).date() + timedelta(
            days=0 if ended else pick.choice([-12, -4, 3, 9, 16, 25, 40, 65, 90])
        )
        moved = ended or stays[-1][1]
        found.append(
            {
                "name": name,
                "customer": customer,
                "owner": owner.pk,
                "pipeline": pipeline,
                "stage": stays[-1][0],
                "since": stays[-1][1],
                "stays": stays,
                "state": state,
                "amount": None if early else amount,
                "expected": None if early else expected,
                "people": pick.sample(
                    contacts.get(customer.pk, []), k=min(len(contacts.get(customer.pk, [])), pick.choice([1, 2, 2, 3]))
                ),
                "rivals": pick.sample(list(RIVALS), k=pick.choice([0, 0, 1, 1, 2])),
                "next": _hour(now + timedelta(days=pick.randint(1, 9)), pick)
                if not ended and pick.random() < 0.4
                else None,
                "updated": max(moved, last),
                "moved": moved,
                "created": created,
                "closed": ended,
            }
        )
    return found


def _hour(at: datetime, pick: Random, latest: datetime | None = None) -> datetime:
    """A moment in working hours of that day, of the day before where it is not past `latest`."""
    found = timezone.localtime(at).replace(
        hour=pick.choice([9, 10, 11, 14, 15, 16]), minute=pick.choice([0, 15, 30, 45])
    )
    return found - timedelta(days=1) if latest and found > latest else found


def _entries(found: list[dict]) -> None:
    rows = []
    for one in found:
        ends = [at for _, at in one["stays"][1:]] + [one["closed"]]
        for (stage, at), left in zip(one["stays"], ends, strict=True):
            rows.append((one["pk"], stage.pk, stage.name, State.OPEN.value, at, left, one["owner"], ""))
        if one["closed"]:
            rows.append((one["pk"], None, "", one["state"].value, one["closed"], one["closed"], one["owner"], ""))
    names = ["opportunity_id", "stage_id", "stage_name", "state", "entered_at", "left_at", "by_id", "note"]
    load(StageEntry, names, rows)


def _people_and_rivals(found: list[dict], pick: Random) -> None:
    roles = list(DictionaryItem.objects.filter(dictionary="opportunity.role").values_list("pk", flat=True))
    people, rivals, ticks = [], [], []
    for one in found:
        for place, contact in enumerate(one["people"]):
            attitude = pick.choice(["for", "for", "neutral", "unknown", "against"])
            people.append((one["pk"], contact.pk, roles[0] if place == 0 else pick.choice(roles[1:]), attitude, ""))
        for name in one["rivals"]:
            strengths, weaknesses, note = RIVALS[name]
            price = one["amount"] * Decimal(pick.choice(["0.85", "0.9", "1.1"])) if one["amount"] else None
            price = price.quantize(Decimal("0.01")) if price is not None else None
            rivals.append((one["pk"], name, price, strengths, weaknesses, note))
        for text in one["stage"].checklist:
            if one["state"] == State.OPEN and pick.random() < 0.5:
                ticks.append((one["pk"], one["stage"].pk, text, one["owner"], one["moved"]))
    load(Stakeholder, ["opportunity_id", "contact_id", "role_id", "attitude", "note"], people)
    load(Competitor, ["opportunity_id", "name", "price", "strengths", "weaknesses", "note"], rivals)
    load(Tick, ["opportunity_id", "stage_id", "text", "by_id", "at"], ticks)


def _log(found: list[dict]) -> list[tuple]:
    """What creating, moving and closing them would have left."""
    kind, rows = ContentType.objects.get_for_model(Opportunity).pk, []
    for one in found:
        rows.append((one["created"], kind, one["pk"], one["owner"], "opportunity.created", "新建", []))
        for (before, entered), (stage, at) in zip(one["stays"], one["stays"][1:], strict=False):
            days = (timezone.localtime(at).date() - timezone.localtime(entered).date()).days
            change = {"key": "stage", "label": "商机阶段", "old": before.name, "new": stage.name}
            text = f"推进阶段（停留 {days} 天）"
            rows.append((at, kind, one["pk"], one["owner"], "opportunity.moved", text, [change]))
        if one["closed"]:
            change = {"key": "state", "label": "状态", "old": State.OPEN.label, "new": one["state"].label}
            rows.append(
                (one["closed"], kind, one["pk"], one["owner"], "opportunity.closed", one["state"].label, [change])
            )
    return rows
