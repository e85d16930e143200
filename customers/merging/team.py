"""Teams of records that become one: of several grants of a person the widest right and the latest last day win."""

from crm.records import formatting, teams

WRITE, READ = "读写", "只读"


def _plan(module, target: int, sources: list[int], *, owner: int | None, formers) -> list[tuple]:
    """[(user, source of the grant, grants at the target, grants that come, permission, until)] for every person who brings a
    grant, or held one of the records before (`formers` become 读写 without an end). The owner needs none."""
    write = teams.permission_for(module.model, write=True)
    read = teams.permission_for(module.model, write=False)
    rows = module.grant_model.objects.current().filter(content_object_id__in=[target, *sources])
    found: dict[tuple, tuple[list, list]] = {(user, "team"): ([], []) for user in formers if user != owner}
    for grant in rows.order_by("pk"):
        there, came = found.setdefault((grant.user_id, grant.source), ([], []))
        (there if grant.content_object_id == target else came).append(grant)
    plan = []
    for (user, source), (there, came) in found.items():
        former = source == "team" and user in formers and user != owner
        if not came and not former:
            continue
        both = [*there, *came]
        best = write if former or any(grant.permission_id == write.pk for grant in both) else read
        days = [grant.until for grant in both]
        until = None if former or None in days else max(days)
        plan.append((user, source, there, came, best, until))
    return plan


def join(journal, module, target: int, sources: list[int], *, owner: int | None, formers, by) -> None:
    """Give the people of these records their place in the team of `target`."""
    grants = module.grant_model
    for user, source, there, came, best, until in _plan(module, target, sources, owner=owner, formers=formers):
        both = [*there, *came]
        if user == owner:
            journal.drop(grants.objects.filter(pk__in=[grant.pk for grant in came]))
            continue
        kept = next((grant for grant in both if grant.permission_id == best.pk), both[0] if both else None)
        journal.drop(grants.objects.filter(pk__in=[grant.pk for grant in both if grant is not kept]))
        values = {"permission_id": best.pk, "until": until}
        if kept is None:
            journal.add(grants(user_id=user, source=source, content_object_id=target, granted_by=by, **values))
        elif (kept.content_object_id, kept.permission_id, kept.until) != (target, best.pk, until):
            journal.move(grants.objects.filter(pk=kept.pk), content_object_id=target, **values)


def _right(permission, until) -> str:
    word = WRITE if permission.codename.startswith("change_") else READ
    return word + (f"，至 {formatting.day(until)}" if until else "")


def changes(module, target: int, sources: list[int], *, owner: int | None, formers) -> list[tuple[int, str, str]]:
    """[(user, right before or "", right after)] of those whose right at `target` changes."""
    found = []
    for user, _, there, _, best, until in _plan(module, target, sources, owner=owner, formers=formers):
        widest = sorted(there, key=lambda grant: grant.permission.codename)
        before, after = _right(widest[0].permission, widest[0].until) if widest else "", _right(best, until)
        if user != owner and before != after:
            found.append((user, before, after))
    return found
