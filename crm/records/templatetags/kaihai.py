"""Tags and filters every template may use (a builtin library): icons, formats, people, table cells.

The `*_html` functions are plain Python, so that columns and views build the same markup.
They and `cells` are the only places that mark a string as safe.
"""

from __future__ import annotations

import html
from datetime import datetime
from functools import lru_cache

from django import forms, template
from django.templatetags.static import static
from django.utils.html import conditional_escape, format_html, strip_tags
from django.utils.safestring import SafeString

from crm.records import formatting

register = template.Library()

DASH = SafeString('<span class="k-muted k-none">–</span>')
_TINTS = "abcde"
_PAGE_SIZE_FIELD = ("page", "size")
# Pixels of a choice button besides its text, of a Chinese character, and of half a form.
_CHOICE_PAD, _CHAR, _HALF_WIDTH = 34, 13, 440


@lru_cache(maxsize=512)
def icon_html(name: str, css: str = "") -> SafeString:
    """An icon of static/icons.svg, e.g. icon_html("edit", "k-icon-sm"); decorative, so hidden from screen readers."""
    return format_html(
        '<svg class="k-icon{}" aria-hidden="true"><use href="{}#i-{}"/></svg>',
        f" {css}" if css else "",
        static("icons.svg"),
        name,
    )


@lru_cache(maxsize=8)
def stars_html(value: int | None) -> SafeString:
    """A rating of 0 to 3 stars; None -> a dash."""
    if value is None or value == "":
        return DASH
    filled = max(0, min(3, int(value)))
    return format_html(
        '<svg class="k-stars" role="img" aria-label="{} 星"><use href="{}#i-stars-{}"/></svg>',
        filled,
        static("icons.svg"),
        filled,
    )


def avatar_html(name: str, *, key: int | None = None, css: str = "") -> SafeString:
    """The round initial of a person or record; `key` (an id) picks one of five tints, stable for that id."""
    text = (name or "?").strip()
    tint = _TINTS[(key if isinstance(key, int) else sum(map(ord, text))) % len(_TINTS)]
    return format_html(
        '<span class="k-avatar k-avatar-{}{}" aria-hidden="true">{}</span>', tint, f" {css}" if css else "", text[:1]
    )


def person_html(employee) -> SafeString:
    """Initial and name of an employee, linked to the name card where `card_url` is known; None -> a dash."""
    if not employee:
        return DASH
    name = getattr(employee, "name", "") or str(employee)
    avatar = avatar_html(name, key=getattr(employee, "pk", None))
    if url := getattr(employee, "card_url", ""):
        return format_html(
            '<a class="k-person" href="{}" data-panel>{}<span class="k-ellipsis">{}</span></a>', url, avatar, name
        )
    return format_html('<span class="k-person">{}<span class="k-ellipsis">{}</span></span>', avatar, name)


def near_html(value) -> SafeString:
    """今天 14:05, 3 天前 … with the exact time in the tooltip; None -> a dash."""
    if not value:
        return DASH
    exact = formatting.moment(value) if isinstance(value, datetime) else formatting.day(value)
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), exact, formatting.near(value))


def big_html(value) -> SafeString:
    """A large sum in 万 or 亿 with the exact figure in the tooltip; None -> a dash."""
    if value is None or value == "":
        return DASH
    return format_html('<span title="{}">{}</span>', formatting.money(value), formatting.big(value))


def dash_html(value) -> SafeString:
    """The value, or the dash that stands for "empty"."""
    return DASH if value is None or value == "" else conditional_escape(value)


register.simple_tag(icon_html, name="icon")
register.simple_tag(stars_html, name="stars")
register.simple_tag(person_html, name="person")
register.simple_tag(dash_html, name="dash")
register.simple_tag(avatar_html, name="avatar")
register.filter("big", big_html)
register.filter("near", near_html)
register.filter("money", formatting.money)
register.filter("day", formatting.day)
register.filter("clock", formatting.clock)
register.filter("moment", formatting.moment)
register.filter("count", formatting.count)
register.filter("file_size", formatting.file_size)


@register.filter
def figure(value) -> str:
    """A whole number with separators; anything else as it is."""
    return formatting.count(value) if isinstance(value, int) else value


@register.simple_tag
def sprite() -> str:
    """Address of the icon sprite, for scripts that draw icons."""
    return static("icons.svg")


def _text(value) -> str:
    """Escaped text. Django's own `escape` spends most of its time on lazy strings, which no cell is."""
    return html.escape(str(value))


@register.simple_tag
def cells(row) -> SafeString:
    """The <td>s of a list row: one string instead of a template loop, which took 40 % of a list's time."""
    get = row.get if isinstance(row, dict) else lambda key: getattr(row, key, None)
    out = []
    for place, cell in enumerate(get("cells")):
        read = cell.get if isinstance(cell, dict) else lambda key, cell=cell: getattr(cell, key, None)
        body, css, title, slot, label = read("html"), read("css"), read("title"), read("m"), read("label")
        if body is None or body == "":
            body = DASH
        elif not hasattr(body, "__html__"):
            body = _text(body)
        if place == 0:
            css, slot, body = f"k-stick-2 {css or ''}".strip(), slot or "title", _name_cell(get, body)
        out.append(
            "<td"
            + (f' class="{_text(css)}"' if css else "")
            + (f' data-m="{_text(slot)}"' if slot else "")
            + (f' data-label="{_text(label)}"' if label and slot == "pair" else "")
            + (f' title="{_text(title)}"' if title and place else "")
            + f">{body}</td>"
        )
    return SafeString("".join(out))


def _name_cell(get, body) -> str:
    """The sticky first cell: a link to the record, its lock and what can be done on hover."""
    title, tel = _text(get("title") or ""), get("tel")
    lock = f'{icon_html("lock")}<span class="k-visually-hidden">已锁定</span>' if get("locked") else ""
    acts = ""
    if follow := get("follow_url"):
        acts += (
            f'<a class="k-btn k-btn-icon" href="{_text(follow)}" data-dialog title="写跟进" aria-label="给 {title} 写跟进">'
            f"{icon_html('chat')}</a>"
        )
    if tel:
        acts += (
            f'<a class="k-btn k-btn-icon" href="tel:{_text(tel)}" title="拨打 {_text(tel)}" aria-label="拨打 {_text(tel)}">'
            f"{icon_html('phone')}</a>"
        )
    acts = f'<span class="k-row-actions">{acts}</span>' if acts else ""
    link = f'<a href="{_text(get("url"))}" title="{title}">{body}</a>' if get("url") else f"<span>{body}</span>"
    return f'<span class="k-cell-name">{link}{lock}{acts}</span>'


@register.simple_tag
def compact(field) -> SafeString:
    """A field of the search row: no label of its own, its name stands inside as placeholder or first option."""
    name = str(field.label or "")
    widget = field.field.widget
    if isinstance(field.field, forms.ModelChoiceField) and not isinstance(widget, forms.SelectMultiple):
        field.field.empty_label = name
    elif isinstance(widget, forms.Select) and not isinstance(widget, forms.SelectMultiple):
        choices = [(value, text) for value, text in widget.choices if value not in ("", None)]
        widget.choices = [("", name), *choices]
    attrs = {"aria-label": name, "placeholder": name, "title": name, "autocomplete": "off"}
    return field.as_widget(attrs=attrs)


@register.simple_tag
def is_wide(field) -> bool:
    """Whether a form field takes both columns of the grid."""
    widget = field.field.widget
    if isinstance(widget, forms.Textarea) or "data-wide" in widget.attrs:
        return True
    if not isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        return False
    labels = [strip_tags(str(label)) for value, label in field.field.choices if value not in ("", None)]
    return sum(_CHOICE_PAD + _CHAR * len(label) for label in labels) > _HALF_WIDTH


@register.filter
def is_group(field) -> bool:
    """Whether a field consists of several inputs, so that its label is a legend."""
    return bool(getattr(field.field.widget, "use_fieldset", False))


@register.filter
def is_checkbox(field) -> bool:
    """Whether a field is one check box, which carries its label at the right."""
    return isinstance(field.field.widget, forms.CheckboxInput)


@register.filter
def without_paging(pairs) -> list:
    """(name, value) pairs of the URL without page and page size."""
    return [pair for pair in pairs if pair[0] not in _PAGE_SIZE_FIELD]


@register.filter
def undo_url(message) -> str:
    """Where a message's act is taken back; "" where it cannot be. The view names the entry as a tag "undo:<id>"."""
    kind, _, pk = (message.extra_tags or "").partition(":")
    return f"/undo/{int(pk)}/" if kind == "undo" and pk.isdigit() else ""
