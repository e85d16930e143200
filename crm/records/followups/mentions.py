"""@姓名 in a text: who is meant, and whether they may see what it is about."""

import re

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.html import format_html, format_html_join

from crm.notices.services import notify

AT_MOST = 20
# An address (a@b.cn) is no mention; a name ends at a space or a punctuation mark.
_MENTION = re.compile(r"(?<![A-Za-z0-9._-])@([^\s@，。；：！？、,.;:!?()（）\[\]【】“”\"'<>]{1,50})")


def named(text: str, chosen: list[int]) -> list:
    """Active employees a text mentions: those picked (`chosen` ids, as far as the text still says @姓名), and whoever is
    named by an unambiguous @姓名. ValidationError when a name fits several people or there are too many."""
    tokens = _MENTION.findall(text)
    if not tokens:
        return []
    people = get_user_model().objects.filter(is_active=True)
    names = {token[:length] for token in tokens for length in range(1, len(token) + 1)}
    known: dict[str, list] = {}
    for person in people.filter(Q(name__in=names) | Q(pk__in=chosen[:200])).order_by("pk"):
        known.setdefault(person.name, []).append(person)
    found = {}
    for token in tokens:
        name = max((name for name in known if token.startswith(name)), key=len, default="")
        if not name:
            continue
        same = known[name]
        picked = [person for person in same if person.pk in chosen] if len(same) > 1 else same
        if not picked:
            raise ValidationError(f"有 {len(same)} 位同事叫“{name}”，请输入 @ 后从列表中选择。")
        found |= {person.pk: person for person in picked}
    if len(found) > AT_MOST:
        raise ValidationError(f"一次最多提醒 {AT_MOST} 位同事。")
    return list(found.values())


def check_sight(module, record, people: list) -> None:
    """ValidationError naming those who may not see the record: they would be told of something hidden from them."""
    rows = module.model.objects
    blind = [person.name for person in people if not rows.allowed(person, "view").filter(pk=record.pk).exists()]
    if blind:
        raise ValidationError(f"{'、'.join(blind)}看不到这条{module.label}，请去掉 @ 或先加入团队。")


def tell(people: list, *, by, title: str, body: str, url: str) -> None:
    """One message to each mentioned person but the writer."""
    notify(
        [person.pk for person in people if person.pk != by.pk], kind="mention", title=title, body=body[:500], url=url
    )


def linked(text: str, mentions: list):
    """The text with every @姓名 of `mentions` ([[id, name], ...]) as a link to the name card; everything escaped."""
    names = {name: pk for pk, name in mentions}
    if not names:
        return text
    pattern = re.compile("(@(?:" + "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)) + "))")
    parts = pattern.split(text)
    return format_html_join(
        "",
        "{}",
        (
            (format_html('<a class="k-mention" href="/people/{}/" data-panel>{}</a>', names[part[1:]], part),)
            if place % 2
            else (part,)
            for place, part in enumerate(parts)
        ),
    )
