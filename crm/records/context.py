"""The frame of every signed-in page: navigation, the 新建 menu, badges."""

from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db.models import Count, Subquery
from django.utils.functional import SimpleLazyObject

from crm.notices import services as notices

from . import modules

GROUPS = ("", "销售", "协作", "管理")
FOLLOW_UPS_AFTER = 30  # the order of 联系人


@dataclass(frozen=True)
class Link:
    """A page in the side bar that is no module's list, for holders of 查看 on `module`, behind the link of module `after`."""

    label: str
    url: str
    icon: str
    module: str
    after: str


LINKS: list[Link] = []  # pages of the modules above


def frame(request):
    """`frame` = None for visitors; else built when a template first asks for it (fragments never do)."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"frame": None}
    return {"frame": SimpleLazyObject(lambda: build(request, user))}


def build(request, user) -> dict:
    path = request.path

    def link(label, url, icon, count=None, hot=False):
        active = path == "/" if url == "/" else path.startswith(url)
        return {"label": label, "url": url, "icon": icon, "active": active, "count": count, "hot": hot}

    offered = [module for module in modules.ordered() if module.may(user, "view")]
    groups = {title: [] for title in GROUPS}
    groups[""].append(link("工作台", "/", "home"))
    for module in offered:
        groups.setdefault(module.group, []).append(link(module.label, module.list_url, module.icon))
    if followed := [module for module in offered if module.followed]:
        before = sum(module.group == followed[0].group and module.order <= FOLLOW_UPS_AFTER for module in offered)
        groups[followed[0].group].insert(before, link("跟进记录", "/follow-ups/", "chat"))
    for page in LINKS:
        module, after = modules.get(page.module), modules.get(page.after)
        if module in offered:
            before = sum(one.group == module.group and one.order <= after.order for one in offered)
            groups[module.group].insert(before, link(page.label, page.url, page.icon))
    if any(user.has_function(key) for key in modules.ADMIN_FUNCTIONS):
        groups["管理"].append(link("系统管理", "/settings/", "settings"))
    unread, running = badges(user)
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


def badges(user) -> tuple[int, int]:
    """(unread messages, own jobs under way), in one statement."""
    from .models import Job

    jobs = (
        Job.objects.filter(user=user, state__in=(Job.State.QUEUED, Job.State.RUNNING))
        .order_by()
        .values("user")
        .annotate(n=Count("pk"))
        .values("n")
    )
    counts = (
        get_user_model().objects.filter(pk=user.pk).values_list(notices.unread_expression(user), Subquery(jobs)).first()
    )
    return tuple(count or 0 for count in counts)
