"""Departments and accounts of 开海科技."""

from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from crm.loading import load
from orgs import services
from orgs.models import Department, Employee, Role, SignInLog

PASSWORD = "kaihai-demo"  # noqa: S105  printed by script/server, for the demo company only
NAME = "开海科技"

# (name, parent)
DEPARTMENTS = [
    ("总经办", NAME),
    ("华东销售部", NAME),
    ("苏州组", "华东销售部"),
    ("杭州组", "华东销售部"),
    ("华南销售部", NAME),
    ("市场部", NAME),
    ("客服部", NAME),
    ("财务部", NAME),
]
# (phone, name, gender, position, department, role code, supervisor's phone); superiors first
ACCOUNTS = [
    ("13800000001", "周亦辰", "m", "总经理", "总经办", "super", ""),
    ("13800000002", "沈知远", "m", "销售副总", "总经办", "executive", "13800000001"),
    ("13800000003", "韩志成", "m", "信息系统主管", "总经办", "admin", "13800000001"),
    ("13800000011", "顾南乔", "f", "华东区经理", "华东销售部", "sales_manager", "13800000002"),
    ("13800000012", "林晓岚", "f", "客户经理", "苏州组", "seller", "13800000011"),
    ("13800000013", "许一诺", "f", "客户经理", "杭州组", "seller", "13800000011"),
    ("13800000021", "黎俊文", "m", "华南区经理", "华南销售部", "sales_manager", "13800000002"),
    ("13800000022", "何嘉欣", "f", "客户经理", "华南销售部", "seller", "13800000021"),
    ("13800000031", "吴敏", "f", "财务主管", "财务部", "finance", "13800000001"),
    ("13800000041", "赵倩", "f", "客服主管", "客服部", "service", "13800000002"),
    ("13800000051", "陆安然", "m", "市场主管", "市场部", "marketing", "13800000002"),
]
MANAGERS = {
    NAME: "13800000001",
    "总经办": "13800000001",
    "华东销售部": "13800000011",
    "苏州组": "13800000011",
    "杭州组": "13800000011",
    "华南销售部": "13800000021",
    "市场部": "13800000051",
    "客服部": "13800000041",
    "财务部": "13800000031",
}
AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
]


def make(started: datetime) -> dict[str, Employee]:
    """Create departments and accounts through the organisation's services; {phone: employee}."""
    top = Department.objects.get(parent=None)
    services.update_department(top, {"name": NAME}, by=None)
    departments = {NAME: top}
    for order, (name, parent) in enumerate(DEPARTMENTS, 1):
        departments[name] = services.create_department(
            Department(name=name, parent=departments[parent], order=order * 10), by=None
        )
    roles = {role.code: role for role in Role.objects.exclude(code="")}
    hashed = make_password(PASSWORD)
    people: dict[str, Employee] = {}
    for phone, name, gender, position, department, role, superior in ACCOUNTS:
        person = Employee(
            phone=phone,
            name=name,
            gender=gender,
            position=position,
            department=departments[department],
            supervisor=people.get(superior),
            email=f"{phone[-2:]}@kaihai.example",
            created_at=started,
        )
        services.create_employee(person, roles=[roles[role]], by=None)
        people[phone] = person
    # One hash for all: the accounts are public, and hashing ten times would be most of the time the demo takes.
    Employee.objects.filter(phone__in=people).update(password=hashed, must_change_password=False)
    for name, phone in MANAGERS.items():
        services.update_department(departments[name], {"manager": people[phone]}, by=None)
    return {person.phone: person for person in Employee.objects.select_related("department").filter(phone__in=people)}


def sign_ins(people: dict, pick) -> None:
    """The sign-ins of the last two weeks."""
    today, rows = timezone.localtime().replace(hour=8, minute=30, second=0, microsecond=0), []
    for days in range(14, 0, -1):
        morning = today - timedelta(days=days)
        if morning.weekday() > 4:
            continue
        for phone, person in people.items():
            if pick.random() < 0.3:
                continue
            at, result = morning + timedelta(minutes=pick.randint(0, 80)), "ok"
            address, agent = f"10.20.{pick.randint(1, 4)}.{pick.randint(10, 240)}", pick.choice(AGENTS)
            if pick.random() < 0.08:
                rows.append((person.pk, phone, address, agent, "wrong", at - timedelta(minutes=1)))
            rows.append((person.pk, phone, address, agent, result, at))
    load(
        SignInLog,
        ["employee_id", "username", "ip", "agent", "result", "created_at"],
        sorted(rows, key=lambda row: row[-1]),
    )
