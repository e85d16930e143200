"""消息提醒: which kinds of messages reach me by which channel."""

from django.views.decorators.http import require_http_methods

from crm.notices import kinds, mail, preferences

from .base import done, render_page


@require_http_methods(["GET", "HEAD", "POST"])
def notices(request):
    """/me/notices/"""
    user = request.user
    row, mailing = preferences.of(user), mail.configured()
    if request.method == "POST":
        chosen = {
            kind.key: (f"site-{kind.key}" in request.POST, f"mail-{kind.key}" in request.POST if mailing else None)
            for kind in kinds.ordered()
        }
        preferences.save(user, chosen, digest="digest" in request.POST if mailing else row.digest)
        return done(request, "/me/notices/", "保存成功")
    groups = []
    for label, found in kinds.grouped():
        choices = [(kind, *preferences.wants(kind, row.choices)) for kind in found]
        groups.append({"label": label, "rows": [{"kind": k, "site": site, "mail": mail} for k, site, mail in choices]})
    return render_page(
        request,
        "orgs/notices.html",
        {"groups": groups, "digest": row.digest, "mailing": mailing, "address": user.email},
    )
