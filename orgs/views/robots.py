"""/settings/robots/: group robots of 企业微信, 钉钉 and 飞书."""

from django import forms
from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.notices import kinds
from crm.notices.models import Delivery, Robot
from crm.records.fields import Text

from ..services import mailing
from .base import done, form_page, move_errors, needs, number, render_page
from .mail import DOTS

ROBOTS = "/settings/robots/"
CRUMB = {"label": "群机器人", "list_url": ROBOTS}


class RobotForm(forms.Form):
    """Address and signing secret are written, never shown."""

    def __init__(self, *args, robot: Robot, **kwargs):
        super().__init__(*args, **kwargs)
        saved, signed = robot.pk is not None, bool(robot.secret)
        offered = [(kind.key, kind.label) for kind in kinds.ordered() if not kind.private]
        self.fields |= {
            "name": Text("名称", max_length=50, blank=False).formfield(),
            "platform": forms.ChoiceField(
                label="平台",
                choices=Robot.Platform.choices,
                widget=forms.RadioSelect,
                error_messages={"required": "请选择平台", "invalid_choice": "请选择列表中的选项"},
            ),
            "address": forms.CharField(
                label="地址（Webhook）",
                max_length=2000,
                required=not saved,
                widget=forms.TextInput(attrs={"autocomplete": "off", "data-wide": "", "spellcheck": "false"}),
                error_messages={"required": "请填写机器人地址", "max_length": "最多 2,000 个字"},
                help_text="已保存，留空不变；保存后不再显示"
                if saved
                else "在群里添加机器人时得到的地址；保存后不再显示",
            ),
            "secret": forms.CharField(
                label="加签密钥",
                max_length=200,
                required=False,
                widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
                error_messages={"max_length": "最多 200 个字"},
                help_text="已保存，留空不变" if signed else "钉钉、飞书的机器人选了“加签”时填写",
            ),
            "kinds": forms.MultipleChoiceField(
                label="发哪些消息",
                choices=offered,
                widget=forms.CheckboxSelectMultiple,
                error_messages={"required": "请至少选择一类消息", "invalid_choice": "请选择列表中的选项"},
                help_text="群里所有人都会看到消息标题和记录名称，不受数据权限限制；同事来信不会发到群里",
            ),
            "enabled": forms.BooleanField(label="启用", required=False),
        }
        if signed:
            self.fields["drop_secret"] = forms.BooleanField(label="清除加签密钥", required=False)
        for name in self.fields:
            self.fields[name].widget.is_required = self.fields[name].required


@require_safe
@needs("admin.settings")
def index(request):
    """/settings/robots/"""
    tried = number(request.GET.get("tried"))
    row = Delivery.objects.filter(pk=tried, channel="robot", kind="").select_related("robot").first() if tried else None
    robots = [{"robot": robot, "kinds": mailing.facts(robot)["消息类型"]} for robot in Robot.objects.all()]
    return render_page(
        request,
        "orgs/robots.html",
        {"robots": robots, "tried": row, "dot": DOTS[row.state] if row else "", "nav_active": "settings"},
    )


@sensitive_post_parameters("address", "secret")
@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.settings")
def create(request):
    """/settings/robots/new/"""
    return edit_page(request, Robot(), heading="新增群机器人", initial={"enabled": True, "platform": "wecom"})


@sensitive_post_parameters("address", "secret")
@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.settings")
def edit(request, pk: int):
    """/settings/robots/<pk>/edit/"""
    robot = get_object_or_404(Robot, pk=pk)
    initial = {name: getattr(robot, name) for name in ("name", "platform", "kinds", "enabled")}
    return edit_page(request, robot, heading=f"编辑“{robot.name}”", initial=initial)


def edit_page(request, robot, *, heading: str, initial: dict):
    form = RobotForm(request.POST or None, initial=initial, robot=robot)
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        address, secret = values.pop("address").strip(), values.pop("secret")
        try:
            mailing.save_robot(robot, values, address=address, secret=secret, by=request.user)
            return done(request, ROBOTS, "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    names = ("name", "platform", "address", "secret", "drop_secret", "kinds", "enabled")
    return form_page(
        request, form, heading=heading, sections=[("", "", names)], crumb=CRUMB, back_url=ROBOTS, no_draft=True
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.settings")
def delete(request, pk: int):
    """/settings/robots/<pk>/delete/"""
    robot = get_object_or_404(Robot, pk=pk)
    if request.method == "POST":
        mailing.delete_robot(robot, by=request.user)
        return done(request, ROBOTS, "删除成功")
    return render_page(
        request,
        "records/confirm.html",
        {
            "heading": f"删除机器人“{robot.name}”？",
            "body": "以后的消息不再发到这个群；还在等待发送的也不会再发。",
            "submit_label": "删除",
            "danger": True,
            "module": CRUMB,
            "back_url": ROBOTS,
            "nav_active": "settings",
        },
    )


@require_POST
@needs("admin.settings")
def test(request, pk: int):
    """POST /settings/robots/<pk>/test/: one message through the outbox, now."""
    row = mailing.test_robot(get_object_or_404(Robot, pk=pk), by=request.user)
    return done(request, f"{ROBOTS}?tried={row.pk}")
