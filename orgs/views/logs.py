"""The sign-in log and the system log."""

from datetime import date, datetime, time

from django.db.models import Q
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.records import params
from crm.records.templatetags import kaihai
from crm.records.views.base import render_page

from .. import people
from ..models import Employee, OrgLog, SignInLog
from .base import Pager, needs

RESULTS = dict(SignInLog.Result.choices)
AREAS = {
    "employee": "员工",
    "department": "部门",
    "role": "角色",
    "dictionary": "数据字典",
    "tag": "标签",
    "parameter": "系统参数",
    "session": "登录会话",
    "mail": "邮件和机器人",
}


def day_of(text: str):
    """A date out of the URL, None when it is none."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def between(rows, data):
    """(rows of the days from..until, sentences about dates that were none)."""
    notices = []
    for name, lookup, at in (("from", "gte", time.min), ("until", "lte", time.max)):
        text = data.get(name, "")
        found = day_of(text)
        if found:
            rows = rows.filter(**{f"created_at__{lookup}": timezone.make_aware(datetime.combine(found, at))})
        elif text:
            notices.append("忽略了无法识别的日期，格式应为 2026-01-31")
    return rows, notices


@require_safe
@needs("admin.log")
def sign_ins(request):
    """/settings/signins/?q=&result=&from=&until="""
    data = request.GET
    rows, notices = between(SignInLog.objects.select_related("employee"), data)
    q = data.get("q", "").replace("\x00", "").strip()[:100]
    if q:
        rows = rows.filter(
            Q(username__icontains=q) | Q(ip__startswith=q) | Q(employee__in=people.find(Employee.objects.all(), q))
        )
    if data.get("result") in RESULTS:
        rows = rows.filter(result=data["result"])
    elif data.get("result"):
        notices.append("忽略了无法识别的结果")
    pager = Pager(request, rows, size=params.get("page_size"))
    return render_page(
        request,
        "orgs/signins.html",
        {
            "rows": list(pager.rows),
            "pager": pager.context(),
            "q": q,
            "results": SignInLog.Result.choices,
            "data": data,
            "notices": list(dict.fromkeys(notices)),
            "nav_active": "settings",
        },
    )


@require_safe
@needs("admin.log")
def system(request):
    """/settings/log/?q=&area=&from=&until="""
    data = request.GET
    rows, notices = between(OrgLog.objects.select_related("actor"), data)
    q = data.get("q", "").replace("\x00", "").strip()[:100]
    if q:
        rows = rows.filter(
            Q(target__icontains=q) | Q(text__icontains=q) | Q(actor__in=people.find(Employee.objects.all(), q))
        )
    if data.get("area") in AREAS:
        rows = rows.filter(code__startswith=f"{data['area']}.")
    elif data.get("area"):
        notices.append("忽略了无法识别的范围")
    pager = Pager(request, rows, size=30)
    entries = [
        {"row": row, "at": kaihai.near_html(row.created_at), "area": AREAS.get(row.code.split(".")[0], "")}
        for row in pager.rows
    ]
    return render_page(
        request,
        "orgs/log.html",
        {
            "entries": entries,
            "pager": pager.context(),
            "q": q,
            "areas": AREAS.items(),
            "data": data,
            "notices": list(dict.fromkeys(notices)),
            "nav_active": "settings",
        },
    )
