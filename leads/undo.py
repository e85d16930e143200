"""指派 can be taken back like 转移."""

from crm.records.undoing import handlers


def _assigned(module, user, own: bool):
    """Whoever assigned leads may have lost sight of them and can still take them back; others need them in their reach."""
    if own and module.may(user, "assign"):
        return module.model.objects.live()
    return module.model.objects.allowed(user, "assign")


handlers.register("assign", "指派", icon="transfer", rows=_assigned)
