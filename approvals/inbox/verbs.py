"""What may be done with an approval: the words, the form and the service of each verb, in the order of the buttons."""

from collections.abc import Callable
from dataclasses import dataclass

from .. import services
from ..services.course import Course
from . import forms


@dataclass(frozen=True)
class Verb:
    """`key` in the URL is also its name in services.actions_for; `run(approval, form data, by)` raises ValidationError with the
    sentence of a refusal. `decides`: it belongs to the step one is asked in, so that a page left open decides no later one."""

    key: str
    label: str
    icon: str
    heading: str
    run: Callable
    form: type
    done: str
    body: str = ""
    decides: bool = False
    primary: bool = False
    grave: bool = False
    danger: bool = False


ALL: dict[str, Verb] = {
    verb.key: verb
    for verb in (
        Verb(
            "approve",
            "同意",
            "check",
            "同意“{}”",
            lambda approval, data, by: services.approve(data["assignment"], by=by, comment=data["comment"]),
            forms.CommentForm,
            "已同意",
            decides=True,
            primary=True,
        ),
        Verb(
            "reject",
            "拒绝",
            "x",
            "拒绝“{}”",
            lambda approval, data, by: services.reject(data["assignment"], by=by, comment=data["comment"]),
            forms.ReasonForm,
            "已拒绝，已通知发起人",
            body="拒绝后这次审批结束，退给发起人修改，可以再次提交。",
            decides=True,
            grave=True,
            danger=True,
        ),
        Verb(
            "send_back",
            "退回",
            "undo",
            "退回“{}”",
            lambda approval, data, by: services.send_back(
                data["assignment"], to=data["step"], by=by, comment=data["comment"]
            ),
            forms.SendBackForm,
            "已退回",
            body="退回后从所选步骤重新审批，之后的步骤也会重新走。",
            decides=True,
        ),
        Verb(
            "hand_over",
            "转交",
            "transfer",
            "转交“{}”",
            lambda approval, data, by: services.hand_over(
                data["assignment"], to=data["person"], by=by, comment=data["comment"]
            ),
            forms.HandOverForm,
            "已转交",
            body="由所选同事代替您审批，您不再需要处理。",
            decides=True,
        ),
        Verb(
            "add_approver",
            "加签",
            "plus",
            "为“{}”加签",
            lambda approval, data, by: services.add_approver(
                data["assignment"], people=data["people"], where=data["where"], by=by, comment=data["comment"]
            ),
            forms.AddForm,
            "已加签",
            decides=True,
        ),
        Verb(
            "take_back",
            "收回同意",
            "undo",
            "收回您对“{}”的同意？",
            lambda approval, data, by: services.take_back(data["assignment"], by=by),
            forms.NothingForm,
            "已收回，请重新审批",
            body="后面还没有人处理，可以收回后重新决定。",
            decides=True,
        ),
        Verb(
            "withdraw",
            "撤回",
            "undo",
            "撤回“{}”？",
            lambda approval, data, by: services.withdraw(approval.pk, by=by, comment=data["comment"]),
            forms.CommentForm,
            "已撤回",
            body="撤回后审批结束，可以修改后再次提交。",
            danger=True,
        ),
        Verb(
            "nudge",
            "催办",
            "bell",
            "催办“{}”？",
            lambda approval, data, by: services.nudge(approval.pk, by=by),
            forms.NothingForm,
            "已提醒审批人",
            body="给现在的审批人发一条提醒。",
        ),
        Verb(
            "comment",
            "评论",
            "chat",
            "评论“{}”",
            lambda approval, data, by: services.comment(approval.pk, by=by, text=data["comment"]),
            forms.TalkForm,
            "已评论",
        ),
        Verb(
            "force",
            "强制通过",
            "shield",
            "强制通过“{}”？",
            lambda approval, data, by: services.force(approval.pk, by=by, reason=data["comment"]),
            forms.ReasonForm,
            "已强制通过",
            body="不再等其余审批人，单据立即通过。原因会记入审批记录和操作记录。",
            danger=True,
        ),
        Verb(
            "stop",
            "终止",
            "x",
            "终止“{}”的审批？",
            lambda approval, data, by: services.stop(approval.pk, by=by, reason=data["comment"]),
            forms.ReasonForm,
            "已终止",
            body="审批立即结束，单据回到发起人。原因会记入审批记录和操作记录。",
            danger=True,
        ),
    )
}


def actions(course: Course, user) -> list[dict]:
    """The buttons this person has on the page of the document."""
    may = course.actions(user)
    return [
        {
            "label": verb.label,
            "url": f"/approvals/{course.approval.pk}/{verb.key}/",
            "icon": verb.icon,
            "dialog": True,
            "primary": verb.primary,
            "grave": verb.grave,
        }
        for verb in ALL.values()
        if verb.key in may
    ]
