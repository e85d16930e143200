"""The frame of every signed-in page: navigation, the 新建 menu, badges."""

from django.contrib.auth import get_user_model
from django.db.models import Count, Subquery
from django.utils.functional import SimpleLazyObject

from crm.notices import services as notices

from . import modules

GROUPS = ("", "销售", "协作", "管理")
FOLLOW_UPS_AFTER = 30.5  # behind 联系人


def frame(request):
    """`frame` = None for visitors; else built when a template first asks for it (fragments never do)."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"frame": None}
    return {"frame": SimpleLazyObject(lambda: build(request, user))}


def build(request, user) -> dict:
    path = request.path

    def link(label, url, icon, count=None, badge=""):
        active = path == "/" if url == "/" else path.startswith(url)
        found = {"label": label, "url": url, "icon": icon, "active": active, "count": count}
        return {**found, "badge": badge, "unit": modules.BADGES[badge].unit} if badge else found

    figures = badges(user)

    offered = [module for module in modules.ordered() if module.may(user, "view")]
    places = [(m.group, m.order, link(m.label, m.list_url, m.icon)) for m in offered]
    if followed := [module for module in offered if module.followed]:
        places.append((followed[0].group, FOLLOW_UPS_AFTER, link("跟进记录", "/follow-ups/", "chat")))
    places += [
        (p.group, p.order, link(p.label, p.url, p.icon, figures.get(p.badge), p.badge))
        for p in modules.NAV
        if not p.function or user.has_function(p.function)
    ]
    groups = {title: [] for title in GROUPS}
    groups[""].append(link("工作台", "/", "home"))
    for group, _, entry in sorted(places, key=lambda place: place[1]):
        groups.setdefault(group, []).append(entry)
    if any(user.has_function(key) for key in modules.ADMIN_FUNCTIONS):
        groups["管理"].append(link("系统管理", "/settings/", "settings"))
    unread, running = figures["unread"], figures["jobs"]
    tabs = [
        link("工作台", "/", "home"),
        *[link(m.label, m.list_url, m.icon) for m in offered[:2]],
        link("消息", "/messages/", "bell", unread or None),
        link("我的", "/me/", "me"),
    ]
    return {
        "nav": [{"title": title, "links": links} for title, links in groups.items() if links],
        "create": [{"label": m.label, "url": m.new_url, "icon": m.icon} for m in offered if m.may(user, "create")],
        "unread": unread,
        "jobs_running": running,
        "user": user,
        "badges_url": "/badges/",
        "theme": request.COOKIES.get("theme", "auto"),
        "tabbar": tabs,
    }


def badges(user) -> dict[str, int]:
    """The figures of the frame in one statement: unread messages, own jobs under way, those modules add."""
    from .models import Job

    jobs = (
        Job.objects.filter(user=user, state__in=(Job.State.QUEUED, Job.State.RUNNING))
        .order_by()
        .values("user")
        .annotate(n=Count("pk"))
        .values("n")
    )
    parts = {"unread": notices.unread_expression(user), "jobs": Subquery(jobs)}
    parts |= {key: badge.expression(user) for key, badge in modules.BADGES.items()}
    counts = get_user_model().objects.filter(pk=user.pk).values_list(*parts.values()).first() or ()
    return dict.fromkeys(parts, 0) | {key: count or 0 for key, count in zip(parts, counts, strict=False)}
