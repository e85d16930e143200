"""The periodic work of letters; importing this module registers the job and the letters themselves."""

from crm.records.periodic import periodic

from . import letters, services  # noqa: F401  the job and the writer of letters


@periodic("mailing_states", "记下群发邮件的结果", schedule="每天 03:35")
def mailing_states(now) -> str:
    """What the outbox knows about letters to customers, before it forgets."""
    return f"更新 {services.keep_states()} 条"
