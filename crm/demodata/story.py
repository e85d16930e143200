"""What happened during the year: the operation log, teams, stars, files, messages, the recycle bin."""

import io
from datetime import timedelta
from random import Random

from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image, ImageDraw

from contracts.models import Contract
from crm.loading import load
from crm.notices.models import Message
from crm.records import formatting, modules, services, teams, uploads
from crm.records.models import Attachment, OperationLog, Star
from customers.models import Contact, Customer, CustomerGrant
from customers.services import delete_customers
from products.models import Product

from .customers import working_time

LEVELS = ["C 非优先", "B 普通", "A 重点"]
STATUSES = ["初步接触", "需求沟通", "方案报价", "合作中"]
RECYCLED = 7
LETTERS = [  # sender, recipient, title, text, hours ago
    ("13800000011", "13800000012", "周一例会改到 10:00", "下周一例会改到 10:00，材料请周日前发我。", 20),
    ("13800000011", "13800000013", "周一例会改到 10:00", "下周一例会改到 10:00，材料请周日前发我。", 20),
    ("13800000013", "13800000012", "借一下样机", "明天去杭州拜访客户，苏州那台样机能借我两天吗？", 5),
]
NOTE = "客户：{name}\n\n拜访纪要\n1. 现场看了两条产线，设备约 40 台，其中 12 台可以联网采集。\n2. 客户希望先做质量追溯，再扩展到排产。\n3. 下周提供报价和实施计划。\n"


def start_of_year():
    """A year ago, the day the company began to work with the system."""
    return (timezone.localtime() - timedelta(days=370)).replace(hour=9, minute=0, second=0, microsecond=0)


def make(people: dict, made, goods: list, said: list, pick: Random) -> None:
    _log(people, made, goods, [*said, *_grants(people, made, pick)], pick)
    _stars(people, made, pick)
    _files(made, pick)
    _messages(people, made, pick)
    _recycle(people, made)


def in_order() -> None:
    """Lay the log anew in the order of time: what came late reached back into the year."""
    names = [field.attname for field in OperationLog._meta.concrete_fields if not field.primary_key]
    rows = list(OperationLog.objects.order_by("created_at", "pk").values_list(*names))
    OperationLog.objects.all().delete()
    load(OperationLog, names, rows)


def _log(people: dict, made, goods: list, said: list, pick: Random) -> None:
    """Creations, edits, transfers and follow-ups in the order they happened."""
    kinds = ContentType.objects.get_for_models(Customer, Contact, Product)
    rows = list(said)
    for model, records in ((Customer, made.customers), (Contact, made.contacts), (Product, goods)):
        code = f"{model._meta.model_name}.created"
        rows += [
            (record.created_at, kinds[model].pk, record.pk, record.created_by_id, code, "新建", [])
            for record in records
        ]
    for customer in made.customers:
        rows += [
            (at, kinds[Customer].pk, customer.pk, actor, code, text, changes)
            for at, actor, code, text, changes in _history(customer, pick)
        ]
    rows.sort(key=lambda row: row[0])
    load(OperationLog, ["created_at", "content_type_id", "object_id", "actor_id", "code", "text", "changes"], rows)


def _history(customer: Customer, pick: Random):
    """Edits of one customer between its creation and its last change, ending in the state it has."""
    if customer.created_by_id != customer.owner_id:
        at = min(customer.created_at + timedelta(minutes=pick.randint(3, 90)), timezone.now())
        change = {"label": "负责人", "old": customer.created_by.name, "new": customer.owner.name}
        yield at, customer.created_by_id, "customer.transferred", f"转移给{customer.owner.name}", [change]
    span = customer.updated_at - customer.created_at
    if span < timedelta(hours=1):
        return
    steps = []
    for label, order, now in (
        ("客户级别", LEVELS, customer.level.label),
        ("客户状态", STATUSES, customer.status.label),
    ):
        if now in order:
            steps += [
                {"label": label, "old": order[place - 1], "new": order[place]}
                for place in range(1, order.index(now) + 1)
            ]
    for place, change in enumerate(steps, 1):
        yield (
            customer.created_at + span * place / (len(steps) + 1),
            customer.owner_id,
            "customer.updated",
            "编辑",
            [change],
        )
    if customer.locked:
        yield customer.updated_at, customer.owner_id, "customer.lock", "锁定", []


def _grants(people: dict, made, pick: Random) -> list[tuple]:
    """Colleagues in the teams of important customers, some until a date; returns the log rows of it."""
    helpers = {
        "13800000012": ["13800000013", "13800000041", "13800000051"],
        "13800000013": ["13800000012", "13800000041"],
        "13800000022": ["13800000012", "13800000051", "13800000041"],
    }
    read, write = (teams.permission_for(Customer, write=one) for one in (False, True))
    phones, rows, logs = {person.pk: phone for phone, person in people.items()}, [], []
    content_type = ContentType.objects.get_for_model(Customer).pk
    for customer in made.customers:
        phone = phones[customer.owner_id]
        if phone not in helpers or customer.level.label != "A 重点" or pick.random() > 0.55:
            continue
        helper, both = people[pick.choice(helpers[phone])], pick.random() < 0.4
        until = timezone.localdate() + timedelta(days=pick.choice([-20, 10, 30, 90])) if pick.random() < 0.4 else None
        at = customer.created_at + (timezone.now() - customer.created_at) * pick.random()
        rows.append((helper.pk, (write if both else read).pk, customer.pk, "team", until, customer.owner_id, at))
        right = ("读写" if both else "只读") + (f"，至 {formatting.day(until)}" if until else "")
        logs.append(
            (
                at,
                content_type,
                customer.pk,
                customer.owner_id,
                "customer.team_added",
                f"添加团队成员 {helper.name}（{right}）",
                [],
            )
        )
    load(
        CustomerGrant,
        ["user_id", "permission_id", "content_object_id", "source", "until", "granted_by_id", "created_at"],
        rows,
    )
    return logs


def _stars(people: dict, made, pick: Random) -> None:
    content_type = ContentType.objects.get_for_model(Customer)
    owned: dict[int, list] = {}
    for customer in made.customers:
        owned.setdefault(customer.owner_id, []).append(customer.pk)
    stars = [
        Star(user_id=owner, content_type=content_type, object_id=pk)
        for owner, ids in owned.items()
        for pk in pick.sample(ids, 6)
    ]
    boss = people["13800000002"]
    stars += [
        Star(user=boss, content_type=content_type, object_id=customer.pk) for customer in pick.sample(made.customers, 8)
    ]
    Star.objects.bulk_create(stars)


def _picture(pick: Random) -> bytes:
    """A sketch of a workshop floor, drawn here."""
    image = Image.new("RGB", (640, 400), "#f4f6f6")
    draw = ImageDraw.Draw(image)
    for row in range(3):
        for column in range(5):
            left, top = 40 + column * 115, 50 + row * 110
            draw.rectangle(
                (left, top, left + 80, top + 60), fill=pick.choice(["#0e7c86", "#8fb8bc", "#c9d6d8"]), outline="#37474f"
            )
        draw.line((30, 130 + row * 110, 610, 130 + row * 110), fill="#90a4ae", width=3)
    found = io.BytesIO()
    image.save(found, "PNG")
    return found.getvalue()


def _document(picture: bytes) -> bytes:
    found = io.BytesIO()
    Image.open(io.BytesIO(picture)).save(found, "PDF")
    return found.getvalue()


def _files(made, pick: Random) -> None:
    """Notes, a picture, a plan: through the same service as an upload, then dated back."""
    picture = _picture(pick)
    chosen = [
        customer for customer in made.customers if customer.last_followed_at and customer.level.label == "A 重点"
    ][-9:]
    for place, customer in enumerate(chosen):
        name, content = [
            ("拜访纪要.txt", NOTE.format(name=customer.name).encode()),
            ("车间布局.png", picture),
            ("实施方案.pdf", _document(picture)),
        ][place % 3]
        last = OperationLog.objects.order_by("-pk").values_list("pk", flat=True).first()
        found = uploads.attach(customer, [SimpleUploadedFile(name, content)], by=customer.owner)
        Attachment.objects.filter(pk__in=[file.pk for file in found]).update(created_at=customer.last_followed_at)
        OperationLog.objects.filter(pk__gt=last).update(created_at=customer.last_followed_at)


def _messages(people: dict, made, pick: Random) -> None:
    customer = modules.get("customer")
    rows, now = [], timezone.now()
    for number, record in enumerate(
        record for record in reversed(made.customers) if record.created_by_id != record.owner_id
    ):
        at = min(record.created_at + timedelta(minutes=90), now)
        rows.append(
            (
                record.owner_id,
                "transfer",
                f"{record.created_by.name}转移给您 1 个客户",
                record.name,
                customer.url(pk=record.pk),
                at,
                None if number < 3 else at + timedelta(hours=2),
            )
        )
    for grant in CustomerGrant.objects.select_related("granted_by", "content_object", "permission"):
        right = "读写" if grant.permission.codename.startswith("change_") else "只读"
        read = None if pick.random() < 0.2 else grant.created_at + timedelta(hours=1)
        rows.append(
            (
                grant.user_id,
                "team",
                f"{grant.granted_by.name}把您加入 1 个客户的团队（{right}）",
                grant.content_object.name,
                customer.url(pk=grant.content_object_id),
                grant.created_at,
                read,
            )
        )
    welcome = working_time(364, pick)
    rows += [
        (
            person.pk,
            "system",
            "欢迎使用开海 CRM",
            "从“客户”开始：新建或导入您的客户名单。",
            "/customers/",
            welcome,
            welcome + timedelta(days=1),
        )
        for person in people.values()
    ]
    rows = [(None, *row) for row in rows]
    for sender, recipient, title, body, hours in LETTERS:
        pair = people[sender].pk, people[recipient].pk
        rows.append((*pair, "person", title, body, "", now - timedelta(hours=hours), None))
    load(
        Message,
        ["sender_id", "recipient_id", "kind", "title", "body", "url", "created_at", "read_at"],
        sorted(rows, key=lambda row: row[6]),
    )


def _recycle(people: dict, made) -> None:
    """A few customers and products in the recycle bin."""
    by_owner: dict[int, list[int]] = {}
    signed = set(Contract.objects.values_list("customer_id", flat=True))
    for customer in made.customers:
        if customer.pk in signed:
            continue
        if not customer.last_followed_at and customer.status.label == "暂停" or customer.level.label == "C 非优先":
            by_owner.setdefault(customer.owner_id, []).append(customer.pk)
    chosen = [ids[0] for ids in by_owner.values()] + [ids[1] for ids in by_owner.values()]
    for pk in chosen[:RECYCLED]:
        row = Customer.objects.filter(pk=pk)
        delete_customers(row, by=row.get().owner)
    services.delete(Product.objects.filter(code="KH-BRD-01"), by=people["13800000003"])
