"""Leads of 开海科技: new ones, followed ones with plans and follow-ups, given up ones, and a pool with its history."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from crm.records import formatting, modules, numbering, search
from crm.records.models import DictionaryItem
from customers.models import Pool, PoolEvent
from customers.pools import book
from leads.models import Lead, PlanItem, Status

from . import said, words
from .customers import BOSS, working_time

MARKETER = "13800000051"
SELLERS = ("13800000012", "13800000013", "13800000022")
CITIES = {
    "13800000012": ["苏州市", "无锡市", "常州市"],
    "13800000013": ["杭州市", "宁波市", "嘉兴市"],
    "13800000022": ["广州市", "深圳市", "佛山市"],
}
NUMBER = 76
# What became of a lead, in turn; the youngest ones are new.
FATES = ("follow", "follow", "new", "follow", "dead", "follow", "pool", "follow", "new", "dead")
NEEDS = ("询价", "设备联网", "质量追溯", "仓储改造", "系统升级", "展会名片", "官网留言", "样品试用", "扩产采购")
SUMMARIES = (
    "想换掉用了六年的旧系统",
    "新厂房明年投产，在选设备",
    "对比三家供应商，重视交期",
    "老客户介绍，预算已批",
    "展会上看过演示，要方案",
    "先做一个试点车间",
)
STEPS = ("寄送样品和手册", "电话确认决策人", "上门演示", "发送初步报价", "约技术交流会", "请客户参观样板工厂")
RESULTS = ("对方收到，反馈不错", "确认由副总拍板", "演示顺利，要补一份接口说明", "觉得偏高，要分期方案")
WHY = {
    "没有需求": "今年没有这项预算，明年再联系。",
    "预算不足": "报价超出一半，暂时放弃。",
    "已选其他供应商": "上个月已经签了别家。",
    "无法联系": "电话三次无人接听。",
}


@dataclass
class Made:
    """The leads, their follow-ups (as followups.make takes them) and the log rows that making them would have left."""

    leads: list[Lead] = field(default_factory=list)
    said: list[dict] = field(default_factory=list)
    log: list[tuple] = field(default_factory=list)
    plan: list[PlanItem] = field(default_factory=list)
    falls: list[PoolEvent] = field(default_factory=list)


def make(people: dict, names: list[str], pick: Random) -> Made:
    """NUMBER leads of the last three months, oldest first; two of them are of customers that exist (`names`)."""
    known: dict[str, dict[str, DictionaryItem]] = {}
    codes = ("customer.industry", "customer.level", "customer.source", "lead.campaign", "lead.dead_reason")
    for item in DictionaryItem.objects.filter(dictionary__in=codes, active=True):
        known.setdefault(item.dictionary, {})[item.label] = item
    pool, made, fates = _settle_pool(people), Made(), []
    for place in range(NUMBER):
        days = round(90 * ((NUMBER - 1 - place) / NUMBER) ** 1.4)
        fates.append("new" if days < 3 else FATES[place % len(FATES)])
        taken = names[place // 30] if place in (29, 59) else ""
        made.leads.append(_lead(people, SELLERS[place % 3], working_time(days, pick), fates[-1], known, taken, pick))
    made.leads.sort(key=lambda lead: lead.created_at)
    for lead in made.leads:
        lead.number = numbering.take("lead", day=timezone.localdate(lead.created_at))[0]
    Lead.objects.bulk_create(made.leads)
    for lead in made.leads:
        _happen(lead, people, pool, known, made, pick)
    changed = ("status", "owner", "pool", "pooled_at", "pool_reason", "former_owner", "received_at", "assigned_by")
    changed += (
        "assigned_at",
        "dead_reason",
        "dead_note",
        "ended_at",
        "last_followed_at",
        "next_contact_at",
        "updated_at",
    )
    Lead.objects.bulk_update(made.leads, changed, batch_size=100)
    PlanItem.objects.bulk_create(made.plan)
    PoolEvent.objects.bulk_create(sorted(made.falls, key=lambda event: event.created_at))
    search.index(modules.get("lead"), made.leads)
    return made


def _settle_pool(people: dict) -> Pool:
    pool = Pool.objects.get(kind="lead", is_default=True)
    pool.rules = {key: {"on": True, "days": days, "levels": {}} for key, days in (("followup", 90), ("convert", 180))}
    pool.claim_limit, pool.reminders = 10, [7, 3, 1]
    pool.save()
    pool.admins.set([people[MARKETER]])
    book.touch("lead")
    return pool


def _later(at: datetime, share: float) -> datetime:
    """A moment between `at` and now."""
    return at + (timezone.now() - at) * share


def _lead(people: dict, seller: str, at: datetime, fate: str, known: dict, company: str, pick: Random) -> Lead:
    """A lead as it came in: from marketing for a seller, or noted by the seller for themselves."""
    city = pick.choice(CITIES[seller])
    province, area, _, streets = words.CITIES[city]
    industry = pick.choice([label for label in words.TRADES if label in known["customer.industry"]])
    brand = pick.choice(words.BRAND_FIRST) + pick.choice(words.BRAND_SECOND)
    trade = pick.choice(words.TRADES[industry])
    female = pick.random() < 0.45
    contact = pick.choice(words.SURNAMES) + pick.choice(words.GIVEN_FEMALE if female else words.GIVEN_MALE)
    bought = fate != "new" and pick.random() < 0.6

    def some(code: str, share: float = 1.0):
        return pick.choice(list(known[code].values())) if pick.random() < share else None

    lead = Lead(
        name=f"{brand}{trade} · {pick.choice(NEEDS)}",
        company=company or f"{city.removesuffix('市')}{brand}{trade}{pick.choice(words.LEGAL)}",
        owner=people[seller],
        created_by=people[MARKETER] if bought else people[seller],
        created_at=at,
        updated_at=at,
        received_at=at,
        contact_name=contact,
        position=pick.choice([position for position, _, _ in words.POSITIONS]),
        mobile=f"1{pick.choice(['36', '37', '58', '86'])}00{pick.randint(10, 99)}{pick.randint(0, 9999):04d}",
        phone=f"{area}-{pick.randint(5000, 8899)}0{pick.randint(100, 999)}" if pick.random() < 0.5 else "",
        email=f"info@{pick.randint(100, 999)}lead.example" if pick.random() < 0.5 else "",
        province=province,
        city=city,
        address=f"{pick.choice(streets)} {pick.randint(8, 988)} 号",
        industry=known["customer.industry"][industry],
        level=some("customer.level", 0.7),
        source=some("customer.source"),
        campaign=some("lead.campaign") if bought else None,
        chance=pick.choice([20, 30, 50, 50, 60, 80]),
        summary=pick.choice(SUMMARIES),
    )
    lead.fate = fate
    lead.clean_fields(exclude=["owner", "created_by", "deleted_by"])
    lead.clean()
    return lead


def _happen(lead: Lead, people: dict, pool: Pool, known: dict, made: Made, pick: Random) -> None:
    """What became of a saved lead since it came in."""
    kind, owner, at = ContentType.objects.get_for_model(Lead).pk, lead.owner, lead.created_at

    def note(when: datetime, who, code: str, text: str, *changes: tuple) -> None:
        told = [{"key": key, "label": label, "old": old, "new": new} for key, label, old, new in changes]
        made.log.append((when, kind, lead.pk, who.pk if who else None, f"lead.{code}", text, told))

    note(at, lead.created_by, "created", "新建")
    if lead.fate == "new":
        return
    lead.status = Status.FOLLOWING
    begun = _later(at, 0.05)
    boss = people[BOSS[owner.phone]]
    if lead.created_by != owner or pick.random() < 0.4:
        lead.assigned_by, lead.assigned_at, lead.received_at = boss, begun, begun
        note(begun, boss, "assigned", f"指派给{owner.name}", ("owner", "负责人", owner.name, owner.name))
    lead.updated_at = begun
    for share in sorted(pick.uniform(0.1, 0.7) for _ in range(pick.choice([1, 1, 2, 3]))):
        method, when = pick.choice(("电话", "微信", "邮件")), _later(at, share)
        content = said.content(method, pick.choice(said.STAGES[:2]), f"{lead.contact_name[:1]}经理", pick)
        plain = {"contact": None, "at_contact": False, "topic": "", "title": "", "next": None, "visit": ("", "", "")}
        made.said.append(
            {**plain, "customer": lead, "at": when, "author": owner.pk, "method": method, "content": content}
        )
        if lead.last_followed_at is None and lead.assigned_at is None:
            note(when, owner, "followed", "开始跟进", ("status", "状态", "未分配", "跟进中"))
        lead.last_followed_at = lead.updated_at = when
    _plan(lead, owner, note, made, pick)
    if lead.fate == "dead":
        _end(lead, owner, known, note, pick)
    elif lead.fate == "pool":
        _release(lead, owner, pool, kind, note, made, pick)
    elif pick.random() < 0.5:
        day = timezone.localtime() + timedelta(days=pick.randint(1, 14))
        lead.next_contact_at = day.replace(hour=10, minute=0, second=0, microsecond=0)
        made.said[-1]["next"] = lead.next_contact_at


def _plan(lead: Lead, owner, note, made: Made, pick: Random) -> None:
    today, begun = timezone.localdate(), timezone.localdate(lead.created_at)
    for offset in sorted(pick.sample([-20, -12, -6, -2, 0, 3, 8], pick.choice([1, 2, 3]))):
        day = today + timedelta(days=offset)
        if day <= begun or (lead.fate != "follow" and offset >= 0):
            continue
        set_at = _later(lead.created_at, 0.08)
        item = PlanItem(lead=lead, day=day, content=pick.choice(STEPS), created_by=owner, created_at=set_at)
        note(set_at, owner, "plan_added", f"添加开发计划（{formatting.day(day)}）")
        if offset < -5 or (offset < 0 and pick.random() < 0.4):
            item.result, item.version = pick.choice(RESULTS), 2
            item.result_at = min(timezone.localtime().replace(hour=17) + timedelta(days=offset), timezone.now())
            item.result_at = max(item.result_at, set_at)
            told = ("result", "执行效果", "", item.result)
            note(item.result_at, owner, "plan_result", f"填写执行效果（{formatting.day(day)}）", told)
        made.plan.append(item)


def _end(lead: Lead, owner, known: dict, note, pick: Random) -> None:
    why, ended = pick.choice(list(WHY)), _later(lead.created_at, 0.9)
    lead.status, lead.dead_reason, lead.dead_note = Status.DEAD, known["lead.dead_reason"][why], WHY[why]
    lead.ended_at = lead.updated_at = ended
    changes = (("status", "状态", "跟进中", "已失效"), ("dead_reason", "失效原因", "", why))
    note(ended, owner, "given_up", f"终止开发：{WHY[why]}", *changes)


def _release(lead: Lead, owner, pool: Pool, kind: int, note, made: Made, pick: Random) -> None:
    reason, at = pick.choice(("暂无需求", "联系不上", "价格不合适")), _later(lead.created_at, 0.85)
    lead.status, lead.owner, lead.former_owner, lead.pool = Status.NEW, None, owner, pool
    lead.assigned_by = lead.assigned_at = None
    lead.pooled_at, lead.pool_reason, lead.updated_at = at, f"手动放入：{reason}", at
    note(at, owner, "released", f"放入线索池“{pool.name}”（{reason}）", ("owner", "负责人", owner.name, ""))
    made.falls.append(
        PoolEvent(
            content_type_id=kind,
            object_id=lead.pk,
            pool=pool,
            action="released",
            actor=owner,
            owner=owner,
            reason=lead.pool_reason,
            created_at=at,
        )
    )
