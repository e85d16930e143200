"""How invoices are imported: the contract by its number. Whoever may bring in history imports approved and void ones with their
numbers; the sum of every contract holds in the file as it does on the form."""

from django.core.exceptions import ValidationError
from django.utils import timezone

from approvals.models import Status
from crm.records import fieldset, formatting, modules, numbering, search
from crm.records.importing.targets import OWNER, Importer, Target
from customers.importing import HISTORY

from .. import numbering as numbers
from ..models import Contract, Invoice
from . import counting, services

STANDS = (Status.APPROVED, Status.VOID)
ALLOWED = (Status.DRAFT, *STANDS)
TAKEN = "这个号码已登记在另一张发票上"


def contracts_by_number(user, texts) -> dict[str, object]:
    """{number: id or sentence}: contracts on which the person may apply for invoices."""
    rows = services.billable(user).filter(number__any=[text for text in texts if text])
    known = dict(rows.values_list("number", "pk"))
    return {
        text: known.get(text, f"没有“{text[:30]}”这份已通过的合同，或您不能在它上面开票" if text else "请填写合同编号")
        for text in texts
    }


class InvoiceImporter(Importer):
    module = "invoice"
    key_label, key_targets, duplicate_message = "申请编号", ("number",), "该申请编号已存在"
    derived = frozenset({"customer_id"})
    targets = (
        Target(
            "contract_number",
            "合同编号",
            field="contract",
            lookup=contracts_by_number,
            create=True,
            synonyms=("合同号",),
            example="HT-202611-0001",
            note="已通过审批、您可以开票的合同",
        ),
        Target("title", synonyms=("抬头", "购方名称", "公司抬头"), example="云澜智造科技（苏州）有限公司"),
        Target("tax_number", synonyms=("纳税人识别号", "统一社会信用代码"), example="91320594MA1MXXXX0X"),
        Target("amount", synonyms=("金额", "价税合计", "发票金额"), example="60000.00"),
        Target("owner", lookup=OWNER, create=True, synonyms=("业务员", "申请人"), note="空着就是您自己"),
        Target("kind", synonyms=("类型", "票种")),
        Target("wanted_on", example="2026-01-31"),
        Target("bank", synonyms=("开户行",), example="招商银行苏州分行"),
        Target("account", synonyms=("账号",), example="512900000000001"),
        Target("address", synonyms=("地址",), example="苏州工业园区星湖街 1 号"),
        Target("phone", synonyms=("电话",), example="0512-65550186"),
        Target("content", synonyms=("商品名称", "开票项目"), example="软件实施服务"),
        Target("receiver", synonyms=("收件人",), example="许一诺 13800000000"),
        Target("remark", synonyms=("说明",)),
        Target(
            "status",
            function="history",
            create=True,
            note="草稿、已通过或已作废，空着就是草稿",
            options=lambda: [status.label for status in ALLOWED],
        ),
        # everybody's, for it is the key; whoever may not bring in history gets drafts, which have none
        Target("number", create=True, synonyms=("编号",), note="已通过和已作废的填写，空着就由系统编号"),
        Target("invoice_number", function="history", create=True, synonyms=("发票号",), note="已通过和已作废的填写"),
        Target("issued_on", function="history", create=True, synonyms=("开票时间",), example="2026-01-31"),
        Target("submitted_at", function="history", create=True, example="2026-01-30 14:00"),
        Target("approved_at", function="history", create=True, example="2026-01-30 16:00"),
        Target("voided_at", function="history", create=True, note="已作废的填写"),
        Target("voided_as", function="history", create=True, synonyms=("作废类型",), note="作废或红冲"),
        Target("void_reason", function="history", create=True, note="已作废的必填"),
        *HISTORY,
    )

    def key_fields(self):
        return ("number",)

    def forbids_duplicates(self):
        return True

    def compares(self):
        return True

    def rows(self, chunk):
        values, size, now = chunk.values, len(chunk), timezone.now()
        column = lambda name, empty=None: values.get(name) or [empty] * size  # noqa: E731
        values["status"] = states = [state or Status.DRAFT.value for state in column("status")]
        labels = {"invoice_number": "发票号码", "issued_on": "开票日期", "number": "申请编号"}
        for row, state in enumerate(states):
            if state not in ALLOWED:
                chunk.fail(row, "状态", "只能导入草稿、已通过和已作废的")
            if state not in STANDS:
                for name, label in labels.items():
                    if column(name)[row]:
                        chunk.fail(row, label, "草稿还没有编号和发票号码")
            if state == Status.VOID and not column("void_reason")[row]:
                chunk.fail(row, "作废原因", "请填写作废原因")
            if (amount := column("amount")[row]) is not None and amount <= 0:
                chunk.fail(row, "开票金额", "开票金额应大于 0")
            for label, check, value in (
                ("发票号码", services.clean_number, column("invoice_number")[row]),
                ("开票日期", services.check_day, column("issued_on")[row]),
            ):
                try:
                    if value:
                        check(value)
                except ValidationError as error:
                    chunk.fail(row, label, "；".join(error.messages))
        values["invoice_number"] = [(text or "").replace(" ", "") for text in column("invoice_number")]
        values["number"] = [text or "" for text in column("number")]
        for name, of in (("submitted_at", STANDS), ("approved_at", STANDS), ("voided_at", (Status.VOID,))):
            given = column(name)
            values[name] = [(given[row] or now) if state in of else None for row, state in enumerate(states)]
        for name, otherwise in (("voided_as", Invoice.VoidedAs.VOID.value), ("void_reason", "")):
            given = column(name)
            values[name] = [
                (given[row] or otherwise) if state == Status.VOID else "" for row, state in enumerate(states)
            ]
        if "contract_id" in values:
            known = dict(
                Contract.objects.filter(pk__any=sorted(set(values["contract_id"]) - {None})).values_list(
                    "pk", "customer_id"
                )
            )
            values["customer_id"] = [known.get(pk) for pk in values["contract_id"]]

    def judge(self, chunk, rows):
        """Under the locks of the contracts: what approved ones leave, numbers nobody else bears."""
        values, pks = chunk.values, chunk.values["contract_id"]
        contracts = counting.lock(pks[row] for row in rows if pks[row])
        rooms = {pk: contracts[pk].amount - sum(both) for pk, both in counting.sums(contracts).items()}
        columns = (("number", "申请编号", Invoice.objects.all()), ("invoice_number", "发票号码", self._issued()))
        for name, label, there in columns:
            wanted = [values[name][row] for row in rows if values[name][row]]
            taken = set(there.filter(**{f"{name}__any": wanted}).values_list(name, flat=True)) if wanted else set()
            for row in rows:
                if (text := values[name][row]) in taken:
                    chunk.fail(row, label, TAKEN)
                elif text and (name == "number" or values["status"][row] != Status.VOID):
                    taken.add(text)
        tells = fieldset.of(modules.get("contract"), chunk.plan.user).readable("amount")
        for row in rows:
            if row in chunk.faults or values["status"][row] != Status.APPROVED:
                continue
            contract, amount = contracts[pks[row]], values["amount"][row]
            if amount > rooms[contract.pk]:
                left = formatting.money(max(rooms[contract.pk], 0))
                words = f"合同 {contract.number} 还能开 {left}" if tells else "超过这份合同还能开票的金额"
                chunk.fail(row, "开票金额", words)
            else:
                rooms[contract.pk] -= amount

    @staticmethod
    def _issued():
        return Invoice.objects.live().exclude(status=Status.VOID)

    def before_create(self, chunk, rows):
        """Numbers for those that stand and brought none."""
        values = chunk.values
        missing = [row for row in rows if values["status"][row] in STANDS and not values["number"][row]]
        given = [number for number in values["number"] if number]
        taken = numbering.take_each("invoice", self._read_by_rule(chunk, missing), besides=given)
        for row, number in zip(missing, taken, strict=True):
            values["number"][row] = number
            chunk.lines[row] += search.rows_for({"name": number})

    @staticmethod
    def _read_by_rule(chunk, rows: list[int]) -> list[dict]:
        values, size = chunk.values, len(chunk)
        pks = [values["contract_id"][row] for row in rows]
        found = Contract.objects.filter(pk__any=sorted(set(pks))).values_list("pk", "owner_id", "customer_id")
        known = {pk: (owner, customer) for pk, owner, customer in found}
        kinds = values.get("kind_id") or [None] * size
        return numbers.values_of("invoice", [(kinds[row], *known[pk]) for row, pk in zip(rows, pks, strict=True)])

    def created(self, chunk, ids, job):
        """The figures of the contracts."""
        counting.recount(Invoice.objects.filter(pk__any=ids).order_by().values_list("contract_id", flat=True))


INVOICES = InvoiceImporter()
