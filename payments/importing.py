"""How plans and payments are imported. Historic payments come in as approved with the permission, else as drafts."""

from datetime import datetime, time
from decimal import Decimal

from django.db.models import Max
from django.utils import timezone

from approvals.models import Status
from contracts import numbering as numbers
from contracts.models import Contract
from crm.records import numbering, params, search
from crm.records.formatting import money
from crm.records.importing import write
from crm.records.importing.targets import OWNER, Importer, Target
from customers.importing import HISTORY

from . import figures
from .figures import ZERO, Sums
from .models import Payment, PaymentAllocation, PaymentPlan
from .offering import payable
from .services import allotting
from .services.holding import OVER, reads

DAYS = PaymentPlan._meta.get_field("remind_days").get_default()
NO_NUMBER = "未提交"  # what lists and files show of payments without a number


def contracts_named(user, texts) -> dict[str, object]:
    """{text: id or sentence}: contracts the person may register payments at, by their number or their exact name."""
    wanted, found = sorted(set(filter(None, texts))), {}
    rows = payable(user)
    for pk, number in rows.filter(number__any=wanted).values_list("pk", "number"):
        found.setdefault(number, []).append(pk)
    numbered = set(found)
    for pk, name in rows.filter(name__any=wanted).values_list("pk", "name"):
        if name not in numbered:
            found.setdefault(name, []).append(pk)
    answer: dict[str, object] = {}
    for text in texts:
        pks = found.get(text, [])
        if not text:
            answer[text] = "请填写合同编号或名称"
        elif len(pks) == 1:
            answer[text] = pks[0]
        elif pks:
            answer[text] = f"有 {len(pks)} 份同名合同“{text[:30]}”，请改用合同编号"
        else:
            answer[text] = f"没有“{text[:30]}”这份可以登记回款的合同，或它不在您负责的范围内"
    return answer


def days_of(user, texts) -> dict[str, object]:
    """{text: days, None or sentence}."""
    found: dict[str, object] = {}
    for text in texts:
        days = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None
        wrong = text and (days is None or days > 365)
        found[text] = "提前提醒应是 0 到 365 的整数" if wrong else days
    return found


CONTRACT = Target(
    "contract",
    lookup=contracts_named,
    create=True,
    synonyms=("合同编号", "合同名称", "所属合同", "订单"),
    example="HT-202611-0001",
    note="已通过审批的合同的编号或全名",
)


class _OfContracts(Importer):
    """Rows that belong to contracts: their customer, and their owner where the file names nobody."""

    def compares(self):
        return True

    def rows(self, chunk):
        values, size = chunk.values, len(chunk)
        ids = {pk for pk in values.get("contract_id") or () if pk}
        rows = Contract.objects.filter(pk__any=sorted(ids)).values_list("pk", "customer_id", "owner_id")
        known = {pk: (customer, owner) for pk, customer, owner in rows}
        empty = (None, None)
        values["customer_id"] = [known.get(pk, empty)[0] for pk in values.get("contract_id") or [None] * size]
        if "owner_id" not in values:
            values["owner_id"] = [known.get(pk, empty)[1] for pk in values.get("contract_id") or [None] * size]
        for row, amount in enumerate(values.get("amount") or ()):
            if amount is not None and amount <= 0:
                chunk.fail(row, self.amount_label, "金额应大于 0")

    def held(self, chunk, rows) -> dict[int, Contract]:
        """The contracts of these rows, locked; rows whose contract is no longer open fail."""
        ids = {chunk.values["contract_id"][row] for row in rows if chunk.values["contract_id"][row]}
        known = Contract.objects.live().in_bulk(figures.lock(ids))
        for row in rows:
            contract = known.get(chunk.values["contract_id"][row])
            if contract is None or not figures.is_open(contract):
                chunk.fail(row, "合同", "合同不能登记回款和计划")
        return known


class PlanImporter(_OfContracts):
    module = "payment_plan"
    amount_label = "计划金额"
    targets = (
        CONTRACT,
        Target("amount", create=True, synonyms=("金额", "应收金额"), example="30000.00"),
        Target("due_on", create=True, synonyms=("应收日期", "到期日期", "日期"), example="2026-03-31"),
        Target("method", synonyms=("方式", "付款方式")),
        Target(
            "remind_days",
            lookup=days_of,
            create=True,
            synonyms=("提醒天数",),
            example="3",
            note="0 到 365，空着就不提醒",
        ),
        Target("owner", lookup=OWNER, create=True, synonyms=("业务员", "跟进人"), note="没有这一列就是合同的负责人"),
        Target("remark", synonyms=("说明",)),
        *HISTORY,
    )

    def rows(self, chunk):
        super().rows(chunk)
        if "remind_days" not in chunk.values:
            chunk.values["remind_days"] = [DAYS] * len(chunk)

    def judge(self, chunk, rows):
        known = self.held(chunk, rows)
        strict, by = params.get("plan_limit") == "forbid", chunk.plan.user
        tells = reads(by, "contract", "amount") and reads(by, "payment_plan", "amount")
        plans = PaymentPlan.objects.live().filter(contract_id__any=list(known)).order_by()
        totals: dict[int, Decimal] = {}
        for pk, amount in plans.values_list("contract_id", "amount"):
            totals[pk] = totals.get(pk, ZERO) + amount
        for row in rows:
            contract, amount = known.get(chunk.values["contract_id"][row]), chunk.values["amount"][row]
            if contract is None or amount is None or row in chunk.faults:
                continue
            before = totals.get(contract.pk, ZERO)
            if before + amount > contract.amount:
                words = f"计划合计 {money(before + amount)}，超过合同金额 {money(contract.amount)}"
                words = words if tells else "计划合计超过合同金额"
                if strict:
                    chunk.fail(row, self.amount_label, words)
                    continue
                chunk.doubt(row, words)
            totals[contract.pk] = before + amount

    def before_create(self, chunk, rows):
        ids = {chunk.values["contract_id"][row] for row in rows}
        lasts = PaymentPlan.objects.filter(contract_id__any=list(ids)).order_by().values_list("contract_id")
        last = dict(lasts.annotate(last=Max("period")))
        periods = [0] * len(chunk)
        for row in rows:
            pk = chunk.values["contract_id"][row]
            periods[row] = last[pk] = last.get(pk, 0) + 1
        chunk.values["period"] = periods

    def created(self, chunk, ids, job):
        rows = PaymentPlan.objects.filter(pk__any=ids).order_by()
        figures.rewrite(rows.values_list("contract_id", flat=True))


class PaymentImporter(_OfContracts):
    module = "payment"
    amount_label = "金额"
    key_label, key_targets, duplicate_message = "回款编号", ("number",), "该回款编号已存在"
    targets = (
        Target(
            "number",
            create=True,
            synonyms=("编号", "流水号"),
            note="空着就由系统编号；填写需要“导入历史回款”权限",
        ),
        CONTRACT,
        Target("type", create=True, synonyms=("回款类型",), note="回款 或 退款，空着就是回款"),
        Target("paid_on", create=True, synonyms=("日期", "到账日期", "收款日期"), example="2026-03-31"),
        Target("amount", create=True, synonyms=("回款金额", "收款金额", "到账金额"), example="30000.00"),
        Target("method", synonyms=("方式", "付款方式", "收款方式")),
        Target("owner", lookup=OWNER, create=True, synonyms=("业务员", "跟进人"), note="没有这一列就是合同的负责人"),
        Target("remark", synonyms=("说明",)),
        Target("status", function="history", create=True, note="草稿 或 已通过，空着就是已通过"),
        Target("settled_at", function="history", create=True, note="已通过的可以填写"),
        *HISTORY,
    )

    def key_fields(self):
        return ("number",)

    def forbids_duplicates(self):
        return True

    def rows(self, chunk):
        super().rows(chunk)
        values, size = chunk.values, len(chunk)
        may = chunk.plan.user.has_function("payment.history")
        first = Status.APPROVED if may else Status.DRAFT
        values["type"] = [one or Payment.Type.RECEIPT for one in values.get("type") or [""] * size]
        values["status"] = [one or first for one in values.get("status") or [""] * size]
        given = values.get("number") or [""] * size
        values["number"] = ["" if one == NO_NUMBER else one or "" for one in given]
        settled = values.get("settled_at") or [None] * size
        for row, status in enumerate(values["status"]):
            if values["number"][row] and not may:
                chunk.fail(row, "回款编号", "您没有“导入历史回款”的权限，编号在提交时生成")
            if status not in (Status.DRAFT, Status.APPROVED):
                chunk.fail(row, "状态", "只能导入草稿和已通过的回款")
            if settled[row] and status != Status.APPROVED:
                chunk.fail(row, "提成结算时间", "只有已通过的回款可以结算提成")
        days = values.get("paid_on") or [None] * size
        values["approved_at"] = values["submitted_at"] = [
            timezone.make_aware(datetime.combine(day, time())) if day and status == Status.APPROVED else None
            for day, status in zip(days, values["status"], strict=True)
        ]

    def judge(self, chunk, rows):
        """Approved ones stay within their contract, receipts and refunds in the order of the file."""
        known, values = self.held(chunk, rows), chunk.values
        over = chunk.plan.user.has_function(OVER)
        sums = figures.of_contracts(known)
        tells = reads(chunk.plan.user, "contract", "amount", "received", "pending")
        for row in rows:
            contract, amount = known.get(values["contract_id"][row]), values["amount"][row]
            if contract is None or amount is None or row in chunk.faults or values["status"][row] != Status.APPROVED:
                continue
            one = sums.setdefault(contract.pk, Sums())
            if values["type"][row] == Payment.Type.REFUND and amount > one.left:
                received = f" {money(one.received)}" if tells else ""
                chunk.fail(row, self.amount_label, f"已回{received}，不能退款 {money(amount)}")
            elif values["type"][row] == Payment.Type.RECEIPT and one.taken + amount > contract.amount and not over:
                words = (
                    f"合同金额 {money(contract.amount)}，已回与待审批 {money(one.taken)}，不能再登记 {money(amount)}"
                )
                chunk.fail(row, self.amount_label, words if tells else "超过这份合同还能登记的回款")
            else:
                one.add(values["type"][row], Status.APPROVED, amount)

    def before_create(self, chunk, rows):
        values, given = chunk.values, chunk.values["number"]
        missing = [row for row in rows if not given[row] and values["status"][row] == Status.APPROVED]
        about = [(None, values["owner_id"][row], values["customer_id"][row]) for row in missing]
        known = numbers.values_of("payment", about)
        taken = numbering.take_each("payment", known, besides=filter(None, given))
        values["number"] = list(given)
        for row, number in zip(missing, taken, strict=True):
            values["number"][row] = number
            chunk.lines[row] += search.rows_for({"name": number})

    def created(self, chunk, ids, job):
        """Approved ones go to the oldest plans; the figures follow."""
        rows = Payment.objects.filter(pk__any=ids, status=Status.APPROVED).order_by("paid_on", "pk")
        by_contract: dict[int, list[Payment]] = {}
        for payment in rows:
            by_contract.setdefault(payment.contract_id, []).append(payment)
        found: list[tuple[int, int, Decimal]] = []
        plans: dict[int, list[PaymentPlan]] = {}
        every = PaymentPlan.objects.live().filter(contract_id__any=list(by_contract)).order_by("due_on", "period")
        for plan in every:
            plans.setdefault(plan.contract_id, []).append(plan)
        sums = figures.of_plans([plan.pk for some in plans.values() for plan in some])
        for pk, payments in by_contract.items():
            for payment in payments:
                free = {}
                for plan in plans.get(pk, ()):
                    one = sums.setdefault(plan.pk, Sums())
                    receipt = payment.type == Payment.Type.RECEIPT
                    free[plan.pk] = max(plan.amount - one.taken if receipt else one.left, ZERO)
                parts = allotting.automatic(plans.get(pk, []), payment.amount, free, payment.type)
                for plan, part in parts.items():
                    sums[plan].add(payment.type, Status.APPROVED, part)
                    found.append((payment.pk, plan, part))
        if found:
            payments, plan_ids, amounts = (list(column) for column in zip(*found, strict=True))
            columns = {"payment_id": payments, "plan_id": plan_ids, "amount": amounts}
            write.insert(PaymentAllocation, columns, len(found))
        figures.rewrite(by_contract)


PLANS = PlanImporter()
PAYMENTS = PaymentImporter()
