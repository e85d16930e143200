"""Who sees an approval: whoever takes part in it, and whoever sees what it is about."""

from django.db.models import Exists, OuterRef, Q

from crm.records import fieldset, modules, services

from . import documents
from .models import Approval, Assignment, Copy

FORCE = "admin.approval_force"


def kind_of(approval) -> documents.Document | None:
    """Its kind of document; None for one that is registered no more."""
    return documents.ALL.get(approval.document)


def label_of(approval) -> str:
    kind = kind_of(approval)
    return kind.label if kind else "单据"


def shows_amount(key: str, user) -> bool:
    """Whether the person may read the amounts of this kind of document in clear."""
    kind = documents.ALL.get(key)
    if kind is None:
        return False
    if kind.shows_amount is not None:
        return kind.shows_amount(user)
    try:
        return fieldset.of(modules.of_model(kind.model), user).readable("amount")
    except LookupError:
        return False


def places(approvals, user) -> dict[int, str]:
    """{approval id: address of its subject} of those whose subject the person may read: a statement a kind of record."""
    found, by_kind = {}, {}
    for approval in approvals:
        by_kind.setdefault(approval.document, []).append(approval)
    for key, several in by_kind.items():
        kind = documents.ALL.get(key)
        if kind is None:
            continue
        ids = {approval.object_id for approval in several}
        known = (kind.places or record_places(kind.model))(ids, user)
        found |= {one.pk: known[one.object_id] for one in several if one.object_id in known}
    return found


def sees(approval, user) -> bool:
    """Whether the person may read what it is about."""
    return bool(places([approval], user))


def home(kind: documents.Document | None, model: type | None, pk: int) -> tuple[type, int] | None:
    """(class, id) of the record in whose log a subject's approval is kept and where approvers get their right to look; None where
    it is gone."""
    if model is None or kind is None or not kind.under:
        return (model, pk) if model is not None else None
    found = model._base_manager.filter(pk=pk).values_list(kind.under, flat=True).first()
    return (model._meta.get_field(kind.under).related_model, found) if found else None


def home_of(approval) -> tuple[type, int] | None:
    return home(kind_of(approval), approval.content_type.model_class(), approval.object_id)


def beside(approval):
    """Ids of the subjects whose approvers get their right to look at the same record."""
    kind, found = kind_of(approval), home_of(approval)
    if kind is None or not kind.under or found is None:
        return [approval.object_id]
    return kind.model._base_manager.filter(**{kind.under: found[1]}).order_by().values("pk")


def write_log(approval, text: str, *, code: str, by) -> None:
    """A row in the log of the record: with the title of the approval where it is not the subject itself."""
    found, kind = home_of(approval), kind_of(approval)
    if found is not None:
        words = f"{kind.label}“{approval.title}”：{text}" if kind is not None and kind.under else text
        services.write_log(found[0], [(found[1], words, [])], code=code, by=by)


def record_places(model):
    """`Document.places` of a record type."""

    def of(ids, user) -> dict[int, str]:
        module = modules.of_model(model)
        rows = module.rows(user).filter(pk__in=ids).order_by().values_list("pk", flat=True)
        return {pk: module.url(pk=pk) for pk in rows}

    return of


def involving(user):
    """Approvals the person submitted, decides or decided in, or is copied in."""
    asked = Assignment.objects.filter(step__approval=OuterRef("pk"), employee=user).exclude(
        state=Assignment.State.WAITING
    )
    copied = Copy.objects.filter(approval=OuterRef("pk"), employee=user)
    return Approval.objects.filter(Q(submitter=user) | Exists(asked) | Exists(copied))


def involved(approval, user) -> bool:
    return involving(user).filter(pk=approval.pk).exists()
