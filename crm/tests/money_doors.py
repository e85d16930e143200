"""The doors to contracts, payments, invoices, requests and plans: pages, forms with forged bodies, bulk actions, imports."""

import io
from dataclasses import dataclass

from approvals.models import Approval
from crm.records import jobs, modules
from crm.records.importing import job as importing
from crm.records.importing import plan, targets, upload
from crm.records.models import Selection
from crm.tests import money

FORGED = {
    "status": "approved",
    "number": "伪造-1",
    "edition": "9",
    "received": "120000",
    "invoiced": "5",
    "execution": "finished",
    "changing": "void",
    "period": "99",
    "approved_at": "2026-01-01",
    "settled_at": "2026-01-01",
    "invoice_number": "00000000",
    "issued_on": "2026-01-01",
    "created_by": "1",
    "deleted_at": "2026-01-01",
    "version": "1",
}
KEPT = ("status", "number", "edition", "received", "invoiced", "execution", "changing", "period", "approved_at")
KEPT = (*KEPT, "settled_at", "invoice_number", "issued_on", "created_by_id")
HX = {"HX-Request": "true", "HX-Target": "dialog"}


@dataclass
class Door:
    """One way to an act. `send(client, record)` answers a response; `writes`: the table an allowed act changes, "" where it only
    reads; `keeps`: what a forged body may not have touched; `opens`: an allowed GET, whose status is looked at as well."""

    act: str
    name: str
    send: object
    writes: str = ""
    keeps: bool = False
    opens: bool = False
    roles: str = ""  # for these roles only; whoever else holds the function is refused by the service


def get(page: str):
    return lambda client, record: client.get(of(record).url(page, record.pk))


def post(page: str, data=lambda record: {}, *, forged: bool = False, fragment: bool = False):
    def send(client, record):
        body = {**FORGED, **data(record)} if forged else data(record)
        return client.post(of(record).url(page, record.pk), body, headers=HX if fragment else {})

    return send


def bulk(key: str, data=lambda record: {}):
    """Select in the list and confirm."""

    def send(client, record):
        url = f"{of(record).bulk_url}{key}/"
        answer = client.post(url, {"ids": str(record.pk)}, headers=HX)
        selection = Selection.objects.first()
        return client.post(url, {**data(record), "selection": selection.token}) if selection else answer

    return send


def bare(key: str, data=lambda record: {}):
    """The confirmation alone, with a forged body."""

    def send(client, record):
        body = {**FORGED, **data(record), "ids": str(record.pk), "confirmed": "1"}
        return client.post(f"{of(record).bulk_url}{key}/", body, headers=HX)

    return send


def of(record):
    return modules.of_model(type(record))


def imported(values):
    """A row over the existing record, 覆盖: through the page for who may not import, else as the wizard's last step does."""

    def send(client, record):
        module, cells = of(record), values(record)
        client.get(module.import_url)
        user = client.person
        if not module.may(user, "import"):
            return client.post(module.import_url, {"file": io.BytesIO(b"a")})
        text = "\n".join(",".join(map(str, row)) for row in (cells.keys(), cells.values()))
        draft = upload.accept(io.BytesIO(text.encode("utf-8-sig")), "名单.csv", user=user, module=module)
        mapping = targets.guess(draft.meta["headers"], targets.importer_of(module).allowed_targets(user))
        draft.options = {"mapping": mapping, "unknown": "reject", "on_duplicate": "overwrite"}
        try:
            jobs.execute(importing.begin(draft, user=user, send=False).pk)
        except plan.Invalid:
            pass
        return None

    return send


def fields_of(record) -> dict:
    """What the edit form of a record sends, with a new remark (or title)."""
    kind = record._meta.model_name
    found = {"version": record.version, "remark": "改过了"}
    if kind == "contract":
        found |= {"name": record.name, "customer": record.customer_id, "amount": "120000", "signed_on": "2026-11-01"}
    elif kind == "payment":
        found |= {"type": "receipt", "paid_on": "2026-11-02", "amount": "100"}
    elif kind == "paymentplan":
        found |= {"due_on": "2026-11-02", "amount": "1000", "remind_days": "3"}
    elif kind == "invoice":
        found |= {"contract": record.contract_id, "title": record.title, "amount": "100"}
    else:
        found |= {"title": "改过了", **{key: str(value) for key, value in record.extra.items()}}
    return found


def at(record) -> dict:
    known = {"contract": record.pk, "owner": record.owner_id, "amount": "10", "title": "云澜", "type": "receipt"}
    return {**known, "due_on": "2026-12-01", "paid_on": "2026-11-02", "submit_now": "on"}


def new(prefix: str, forged: bool = False):
    return lambda client, record: client.post(f"/{prefix}/new/", {**(FORGED if forged else {}), **at(record)})


def generate(client, record):
    body = {"mode": "ratio", "ratio": "50/50", "first_on": "2026-12-01", "step": "1", "remind_days": "3"}
    return client.post(f"/payment-plans/generate/?contract={record.pk}", body)


def sent(page: str):
    """The dialog of an approval about the record, whether or not there is one."""

    def send(client, record):
        approvals = Approval.objects.filter(object_id=record.pk, content_type__model=record._meta.model_name)
        approval = approvals.exclude(document__in=("contract_change", "contract_void")).last()
        return client.post(f"/approvals/{approval.pk if approval else 0}/{page}/", {"comment": "不要了"})

    return send


def change(record) -> dict:
    return {**fields_of(record), "amount": "150000", "reason": "追加", "edition": record.edition, "discount": "0"}


def issue(client, record):
    typed = {"number": "2612000099", "on": "2026-11-03", "version": record.version}
    body = {"ids": record.pk, "saved": "1", **{f"{record.pk}-{key}": value for key, value in typed.items()}}
    return client.post("/invoices/issue/", body)


def printed(client, record):
    return client.post(f"{of(record).bulk_url}print/", {"ids": record.pk})


def exported(client, record):
    return client.post(of(record).export_url, {"ids": record.pk, "format": "csv"})


def contract_row(record) -> dict:
    keys = {"合同名称": record.name, "客户": "云澜"}
    return {**keys, "合同金额": "120000", "签约日期": "2026-11-01", "备注": "改过了"}


def invoice_row(record) -> dict:
    number = record.number or "FP-1"
    return {"合同编号": record.contract.number, "发票抬头": "改过了", "开票金额": "1", "申请编号": number}


def shared(table: str) -> list[Door]:
    """The doors every record type has."""
    team = lambda record: {"people": MATE[0], "right": "read", "ids": record.pk, "confirmed": "1"}  # noqa: E731
    return [
        Door("edit", "page", get("edit"), opens=True),
        Door("edit", "form", post("edit", fields_of), table),
        Door("edit", "raw", post("edit", fields_of, forged=True), table, keeps=True),
        Door("edit", "raw htmx", post("edit", fields_of, forged=True, fragment=True), table, keeps=True),
        Door("delete", "bulk", bulk("delete"), table),
        Door("delete", "raw", bare("delete"), table),
        Door("share", "page", get("team"), opens=True),
        Door("share", "form", post("team", team), table + "grant"),
        Door("share", "bulk", bulk("team", team), table + "grant"),
        Door("print", "page", get("print"), opens=True),
        Door("print", "bulk", printed),
        Door("export", "file", exported),
        Door("attach", "form", post("files", lambda record: {"files": money.scan()}), "records_attachment"),
    ]


def handed(table: str) -> list[Door]:
    to = lambda record: {"owner": MATE[0], "ids": record.pk, "confirmed": "1"}  # noqa: E731
    return [
        Door("transfer", "page", get("transfer"), opens=True),
        Door("transfer", "form", post("transfer", to, forged=True), table, keeps=True),
        Door("transfer", "bulk", bulk("transfer", lambda record: {"owner": MATE[0]}), table),
    ]


def many(table: str) -> list[Door]:
    typed = {"many_fields": ["remark"], "remark": "改过了"}
    return [
        Door("edit", "bulk", bulk("edit", lambda record: typed), table),
        Door(
            "edit",
            "bulk raw",
            bare("edit", lambda record: {"many_fields": ["remark"], "remark": "改过了"}),
            table,
            keeps=True,
        ),
    ]


MATE = [0]  # the id of the colleague records are given to
C, P, B = "contracts_contract", "payments_payment", "contracts_invoice"
R, L = "approvals_request", "payments_paymentplan"
WHY = lambda record: {"reason": "重签", "kind": "void"}  # noqa: E731
DOORS = {
    "contract": [
        *shared(C),
        *handed(C),
        *many(C),
        Door("edit", "import", imported(contract_row), C, roles="owner manager"),
        Door("edit", "lines", get("lines"), opens=True),
        Door("edit", "lines form", post("lines", lambda record: {"version": record.version})),
        Door("submit", "page", get("submit"), opens=True),
        Door("submit", "form", post("submit", forged=True), C),
        Door("submit", "bulk", bulk("submit"), C),
        Door("submit", "raw", bare("submit"), C),
        Door("withdraw", "bulk", bulk("withdraw"), C, roles="owner"),
        Door("withdraw", "raw", bare("withdraw"), C, roles="owner"),
        Door("withdraw", "inbox", sent("withdraw"), C, roles="owner"),
        Door("amend", "page", get("change"), opens=True),
        Door("amend", "form", post("change", change), "contracts_contractversion"),
        Door("amend", "raw", post("change", lambda record: {**change(record), "send": "1"}, forged=True), C),
        Door("void", "bulk", bulk("void", WHY), C),
        Door("void", "raw", bare("void", WHY), C),
        Door("renew", "page", get("renew"), opens=True),
        Door("renew", "form", post("renew", forged=True), C),
        Door("finish", "bulk", bulk("finish"), C),
        Door("finish", "raw", bare("finish"), C),
        Door("finish", "shut", bulk("shut", WHY), C),
        Door("pay plan", "form", new("payment-plans"), L),
        Door("pay plan", "raw", new("payment-plans", True), L),
        Door("pay plan", "generate", generate, L),
        Door("pay", "form", new("payments"), P),
        Door("pay", "raw", new("payments", True), P),
        Door("bill", "form", new("invoices"), B),
        Door("bill", "raw", new("invoices", True), B),
    ],
    "payment": [
        *shared(P),
        *handed(P),
        *many(P),
        Door("submit", "bulk", bulk("submit"), P),
        Door("submit", "raw", bare("submit"), P),
        Door("withdraw", "inbox", sent("withdraw"), P, roles="owner"),
        Door("void", "bulk", bulk("void", WHY), P),
        Door("void", "raw", bare("void", WHY), P),
        Door("settle", "bulk", bulk("settle"), P),
        Door("settle", "raw", bare("settle"), P),
    ],
    "invoice": [
        *shared(B),
        *handed(B),
        *many(B),
        Door("edit", "import", imported(invoice_row), B, roles="-"),
        Door("submit", "bulk", bulk("submit"), B),
        Door("submit", "raw", bare("submit"), B),
        Door("withdraw", "inbox", sent("withdraw"), B, roles="owner"),
        Door("void", "bulk", bulk("void", WHY), B),
        Door("void", "raw", bare("void", WHY), B),
        Door("issue", "form", issue, B),
    ],
    "request": [
        *shared(R),
        Door("submit", "page", get("submit"), opens=True),
        Door("submit", "form", post("submit", forged=True), R),
        Door("withdraw", "inbox", sent("withdraw"), R, roles="owner"),
    ],
    "payment_plan": [*shared(L), *handed(L), *many(L)],
}
