"""How leads are imported."""

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone

from crm.records import areas, numbering, search
from crm.records.importing import cells
from crm.records.importing.keys import Key
from crm.records.importing.targets import OWNER, Target
from crm.records.models import DictionaryItem
from customers.duplicates import names
from customers.importing import HISTORY, fill_places
from customers.pools.importing import PoolImporter

from .models import Lead, Status

ENDED = (Status.CONVERTED, Status.DEAD)
TAKEN = "该线索编号已存在"


def somebody(user, texts) -> dict[str, object]:
    """{text: id, None or sentence}: employees who did something once; an empty cell is nobody."""
    check, found = cells.people(get_user_model().objects.all(), empty=None), {}
    for text in texts:
        try:
            found[text] = check(text)
        except ValidationError as error:
            found[text] = "；".join(error.messages)
    return found


class LeadImporter(PoolImporter):
    module = "lead"
    key_label, key_targets, duplicate_message = "线索名称", ("name",), "已有同名线索"
    other_keys = (Key("mobile", "手机", ("mobile",), ("mobile",), "已有手机相同的线索"),)
    derived = frozenset({"name_stem", "company_stem", "domain", "province", "city", "address"})
    targets = (
        Target("name", synonyms=("线索", "名称", "机会名称"), example="云澜智造咨询"),
        Target("company", synonyms=("公司名称", "企业名称", "单位名称"), example="云澜智造科技（苏州）有限公司"),
        Target("owner", lookup=OWNER, create=True, synonyms=("业务员", "销售", "跟进人"), note="空着就是您自己"),
        Target("contact_name", synonyms=("姓名", "联系人姓名"), example="许一诺"),
        Target("mobile", synonyms=("手机号", "手机号码"), example="13800000000"),
        Target("phone", synonyms=("座机", "固定电话"), example="0512-65550186"),
        Target("email", synonyms=("电子邮箱", "Email"), example="xu@yunlan.example"),
        Target("position", synonyms=("职务",), example="采购经理"),
        Target(
            "province",
            synonyms=("省份",),
            example="江苏",
            note="可写简称，也可只写城市（深圳）",
            options=lambda: list(areas.provinces()),
        ),
        Target("city", synonyms=("城市",), example="苏州"),
        Target("address", synonyms=("街道地址",), example="星湖街 1 号"),
        Target("full_address", "地址", field="", note="省、市、详细地址写在一格；另有这三列时不用"),
        Target("industry", synonyms=("所属行业",)),
        Target("level", synonyms=("等级",)),
        Target("source", synonyms=("线索来源",)),
        Target("campaign", synonyms=("活动",)),
        Target("chance", synonyms=("成功机率", "成功概率"), example="50", note="0 到 100"),
        Target("summary", synonyms=("简介",), example="想换掉旧系统"),
        Target("description", synonyms=("描述",), example="现用系统已用六年"),
        Target("next_contact_at", synonyms=("下次跟进时间",), example="2026-01-31 14:00"),
        Target("remark", synonyms=("说明",)),
        Target("locked", function="lock", create=True, synonyms=("是否锁定",), note="是 或 否"),
        Target("number", function="history", create=True, synonyms=("编号",), note="空着就由系统编号"),
        Target("status", function="history", create=True, example="已失效", note="空着就是未分配"),
        Target("assigned_by", lookup=somebody, function="history", create=True, example="13800000011"),
        Target("assigned_at", function="history", create=True, synonyms=("分配时间",)),
        Target("dead_reason", function="history", create=True, example="没有需求"),
        Target("dead_note", function="history", create=True, example="预算推迟到明年"),
        Target("converted_by", lookup=somebody, function="history", create=True, example="13800000012"),
        Target("ended_at", function="history", create=True),
        Target("last_followed_at", function="history", create=True, synonyms=("最近跟进时间", "上次跟进时间")),
        *HISTORY,
    )

    def key_fields(self):
        return ("name",)

    def compares(self):
        return True

    def judge(self, chunk, rows):
        """Numbers brought along are nobody else's, in the tables and in the file."""
        given = chunk.values.get("number")
        wanted = {row: given[row] for row in rows if given[row]} if given else {}
        if not wanted:
            return
        there = set(Lead.objects.filter(number__any=list(set(wanted.values()))).values_list("number", flat=True))
        for row, number in wanted.items():
            if number in there:
                chunk.fail(row, "线索编号", TAKEN)
            there.add(number)

    def rows(self, chunk):
        values = chunk.values
        self.fill_pool(chunk)
        values["name_stem"] = [names.name_stem(name) if name else None for name in values["name"]]
        if "company" in values:
            values["company_stem"] = [names.name_stem(name) if name else None for name in values["company"]]
        if "email" in values:
            values["domain"] = [names.domain(email) for email in values["email"]]
        fill_places(chunk, Lead, "地址")
        if chunk.plan.into:
            for name in ("ended_at", "dead_reason_id", "dead_note", "converted_by_id"):
                values.pop(name, None)  # what lies in a pool is a new lead
        else:
            self.fill_status(chunk)

    def fill_status(self, chunk) -> None:
        """Who imports leads for somebody else assigns them by that, unless the file brings its own statuses; only ended leads
        have an end."""
        values, number, user, now = chunk.values, len(chunk), chunk.plan.user, timezone.now()
        if "status" not in values:
            others = [owner != user.pk for owner in values.get("owner_id") or [user.pk] * number]
            values["status"] = [Status.FOLLOWING if other else Status.NEW for other in others]
            values.setdefault("assigned_by_id", [user.pk if other else None for other in others])
            values.setdefault("assigned_at", [now if other else None for other in others])
        ends = values.get("ended_at") or [None] * number
        values["ended_at"] = [
            (end or now) if status in ENDED else None for end, status in zip(ends, values["status"], strict=True)
        ]

    @staticmethod
    def _read_by_rule(chunk, rows: list[int]) -> list[dict]:
        """What the numbering rule reads of the leads in these rows."""
        if not numbering.rule_of("lead").keys:
            return [{}] * len(rows)
        size = len(chunk)
        owners, sources = (chunk.values.get(name) or [None] * size for name in ("owner_id", "source_id"))
        people = get_user_model().objects.filter(pk__any=list({owners[row] for row in rows} - {None}))
        departments = dict(people.values_list("pk", "department__name"))
        labels = dict(DictionaryItem.objects.filter(dictionary="customer.source").values_list("pk", "label"))
        return [{"department": departments.get(owners[row]), "source": labels.get(sources[row])} for row in rows]

    def before_create(self, chunk, rows):
        given = chunk.values.get("number") or [""] * len(chunk)
        missing = [row for row in rows if not given[row]]
        numbers = [number or "" for number in given]
        taken = numbering.take_each("lead", self._read_by_rule(chunk, missing), besides=filter(None, given))
        for row, number in zip(missing, taken, strict=True):
            numbers[row] = number
            chunk.lines[row] += search.rows_for({"name": number})
        chunk.values["number"] = numbers


LEADS = LeadImporter()
