"""The periodic work of messages; crm.notices stands below and knows no schedule."""

from crm.notices import delivery, digest, services

from .periodic import periodic


@periodic("message_digest", "每日消息摘要", schedule="每天 08:30")
def message_digest(now) -> str:
    """One mail a person who chose it with yesterday's unread messages."""
    return digest.write(now)


@periodic("clean_messages", "清理旧消息", schedule="每天 03:40")
def clean_messages(now) -> str:
    """Remove messages and rows of the outbox that have served their time."""
    return f"删除消息 {services.purge(now)} 条，发件记录 {delivery.purge(now)} 条"
