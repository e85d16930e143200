"""Settings of the mail server and the group robots, test messages, sending again. Secrets never reach the log."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from crm.notices import delivery, kinds, mail, outgoing, sealing
from crm.notices.errors import NotSent
from crm.notices.models import Delivery, MailServer, Robot
from crm.records import formatting

from .oplog import differences, record

CHANGED = "已修改"
MAIL_FIELDS = {
    "host": "服务器地址",
    "port": "端口",
    "security": "加密方式",
    "username": "用户名",
    "sender": "发件人邮箱",
    "sender_name": "发件人名称",
}


@transaction.atomic
def change_mail_server(values: dict, *, password: str, by) -> MailServer:
    """Keep the SMTP settings; "" leaves the password as it is. A stored password is never handed to another server or
    user: with a new address or user name it must be typed again."""
    if mail.from_environment():
        raise ValidationError("邮件服务器由环境变量 SMTP_* 设置，不能在页面上修改。")
    MailServer.objects.get_or_create(pk=1)
    row = MailServer.objects.select_for_update().get(pk=1)
    before = {name: getattr(row, name) for name in MAIL_FIELDS}
    moved = any(values[name] != before[name] for name in ("host", "username"))
    if values["host"] and row.password and moved and not password and values["username"]:
        raise ValidationError({"password": "服务器地址或用户名改了，请重新填写密码"})
    for name in MAIL_FIELDS:
        setattr(row, name, values[name])
    drops = bool(row.password) and not password and not (values["host"] and values["username"])
    if password or drops:
        row.password = sealing.seal(password)
    row.full_clean()
    row.save()
    changes = differences((label, before[name], values[name]) for name, label in MAIL_FIELDS.items())
    if password or drops:
        changes.append({"label": "密码", "old": "", "new": CHANGED if password else "已清除"})
    if changes:
        record("mail.updated", "邮件服务器", by=by, text="修改邮件设置", changes=changes)
    return row


def send_test_mail(address: str, *, by) -> Delivery:
    """Send a test mail now, the way every mail goes; the row says how it went."""
    if not mail.configured():
        raise ValidationError("还没有设置邮件服务器。")
    text = f"这是 {by.name} 从开海 CRM 发出的测试邮件。收到它，说明邮件设置可以使用。"
    with transaction.atomic():
        row = delivery.letter(address, "开海 CRM 测试邮件", text, user_id=by.pk)
        row.save()
        record("mail.tested", address, by=by, text="发送测试邮件到")
    return _now(row)


def _now(row: Delivery) -> Delivery:
    delivery.deliver(row.pk)
    row.refresh_from_db()
    return row


@transaction.atomic
def resend(row: Delivery, *, by) -> None:
    """Send a failed or uncertain row again."""
    if not delivery.resend(row):
        raise ValidationError("只有失败和不确定的邮件可以重发；过期的重置密码链接不能重发。")
    record("mail.resent", row.address, by=by, text=f"重发{row.get_channel_display()}给")


# Robots ----------------------------------------------------------------------------------------------------------------
@transaction.atomic
def save_robot(robot: Robot, values: dict, *, address: str, secret: str, by) -> Robot:
    """Create or change a robot; "" keeps the address and the signing secret. `values`: name, platform, kinds, enabled,
    drop_secret."""
    new = robot.pk is None
    if not new:
        robot = Robot.objects.select_for_update().get(pk=robot.pk)
    if address:
        check_address(address)
    elif new:
        raise ValidationError({"address": "请填写机器人地址"})
    before = {} if new else facts(robot)
    for name in ("name", "platform", "kinds", "enabled"):
        setattr(robot, name, values[name])
    if address:
        robot.address = sealing.seal(address)
    if secret or values.get("drop_secret"):
        robot.secret = sealing.seal(secret)
    if Robot.objects.filter(name=robot.name).exclude(pk=robot.pk).exists():
        raise ValidationError({"name": "已有同名机器人"})
    robot.full_clean()
    robot.save()
    changes = differences((label, before.get(label), value) for label, value in facts(robot).items())
    if address:
        changes.append({"label": "地址", "old": "", "new": "已保存" if new else CHANGED})
    if secret or values.get("drop_secret"):
        changes.append({"label": "加签密钥", "old": "", "new": CHANGED if secret else "已清除"})
    if changes:
        record("mail.robot", robot.name, by=by, text="新增群机器人" if new else "修改群机器人", changes=changes)
    return robot


def facts(robot: Robot) -> dict[str, str]:
    """What the log and the list say about a robot."""
    return {
        "名称": robot.name,
        "平台": robot.get_platform_display(),
        "消息类型": "、".join(kind.label for kind in kinds.ordered() if kind.key in robot.kinds),
        "启用": "是" if robot.enabled else "否",
    }


def check_address(address: str) -> None:
    """ValidationError when nothing may be posted there; a name that does not resolve now may do so later."""
    try:
        outgoing.resolve(outgoing.parse(address))
    except NotSent as error:
        if not error.retry:
            raise ValidationError({"address": str(error)}) from None


@transaction.atomic
def delete_robot(robot: Robot, *, by) -> None:
    """Delete a robot; its posts stay in the outbox, those that wait will not be sent."""
    record("mail.robot", robot.name, by=by, text="删除群机器人")
    robot.delete()


def test_robot(robot: Robot, *, by) -> Delivery:
    """Post a test message now, the way every message goes; also for one that is switched off."""
    text = f"{by.name} 在 {formatting.moment(timezone.now())} 发出的测试消息。"
    with transaction.atomic():
        row = Delivery.objects.create(
            channel=Delivery.Channel.ROBOT, robot=robot, address=robot.name, subject="开海 CRM 测试消息", body=text
        )
        record("mail.tested", robot.name, by=by, text="测试群机器人")
    return _now(row)
