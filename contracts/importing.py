"""How contracts are imported: drafts by everybody, with 导入历史合同 contracts of the past that are approved or void already."""

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone

from approvals.models import Status
from crm.records import numbering
from crm.records.fields import name_key, tidy
from crm.records.importing import write
from crm.records.importing.keys import Key
from crm.records.importing.targets import OWNER, Importer, Target
from crm.records.models import NumberCounter
from customers.importing import HISTORY, customers_by_name
from customers.models import Contact
from opportunities.counting import lock
from opportunities.models import Opportunity

from . import numbering as numbers
from . import outcomes
from .models import Contract, ContractVersion, Execution
from .models.contract import EARLIEST, OF_LINES, TOO_EARLY, days_of
from .services import execution_of, snapshot

ENDED = (Execution.FINISHED, Execution.SHUT)
PAST = (Status.APPROVED, Status.VOID)
OF_PAST = ("number", "submitted_at", "approved_at", "ended_at", "end_reason", "voided_at", "void_reason")


def colleagues(user, texts) -> dict[str, object]:
    """{phone or name: id or sentence} of employees; an empty cell names nobody."""
    phones, names = {}, {}
    for pk, phone, name in get_user_model().objects.order_by().values_list("pk", "phone", "name"):
        phones[phone] = pk
        names.setdefault(name_key(name), []).append(pk)
    answer: dict[str, object] = {}
    for text in texts:
        found = [phones[text]] if text in phones else names.get(name_key(text), [])
        if not text:
            answer[text] = None
        elif len(found) == 1:
            answer[text] = found[0]
        else:
            several = f"有 {len(found)} 位“{text[:20]}”，请改用手机号"
            answer[text] = several if found else f"没有“{text[:20]}”这位同事"
    return answer


class ContractImporter(Importer):
    module = "contract"
    key_label, key_targets, duplicate_message = "客户、合同名称", ("customer", "name"), "该客户下已有同名合同"
    other_keys = (Key("number", "合同编号", ("number",), ("number",), "已有编号相同的合同"),)
    targets = (
        Target("name", synonyms=("合同", "名称", "合同标题", "订单名称"), example="MES 一期实施合同"),
        Target(
            "customer",
            lookup=customers_by_name,
            create=True,
            synonyms=("客户名称", "所属客户", "公司", "甲方"),
            example="云澜智造科技（苏州）有限公司",
            note="系统中您可编辑的客户的全名",
        ),
        Target("owner", lookup=OWNER, create=True, synonyms=("业务员", "销售", "跟进人"), note="空着就是您自己"),
        Target(
            "opportunity",
            "商机",
            field="",
            create=True,
            synonyms=("商机名称", "销售机会"),
            example="MES 一期",
            note="该客户的商机的名称",
        ),
        Target("kind", synonyms=("类型",)),
        Target("amount", synonyms=("金额", "合同总额", "订单金额"), example="120000.00"),
        Target("discount", synonyms=("折扣", "整单折扣"), create=True, example="5", note="0 到 100"),
        Target("signed_on", synonyms=("签订日期", "签约时间", "签署日期"), example="2026-01-31"),
        Target("starts_on", synonyms=("生效日期", "开始时间"), example="2026-02-01"),
        Target("ends_on", synonyms=("到期日期", "截止日期", "结束时间"), example="2027-01-31"),
        Target(
            "remind_days",
            "到期前几天提醒",
            field="",
            create=True,
            synonyms=("提醒天数",),
            example="30",
            note="0 到 365",
        ),
        Target(
            "customer_signer",
            "客户签约人",
            field="",
            create=True,
            synonyms=("甲方签约人", "联系人"),
            example="许一诺",
            note="该客户的联系人的姓名",
        ),
        Target(
            "company_signer",
            lookup=colleagues,
            create=True,
            synonyms=("我方签约人", "乙方签约人"),
            note="同事的手机号或姓名",
        ),
        Target("next_contact_at", synonyms=("下次跟进时间",), example="2026-01-31 14:00"),
        Target("remark", synonyms=("说明",)),
        Target(
            "status",
            function="history",
            create=True,
            synonyms=("合同状态", "审批状态"),
            note="草稿、已通过或已作废，空着就是草稿",
        ),
        Target(
            "number",
            function="history",
            create=True,
            field="",
            label="合同编号",
            synonyms=("编号", "合同号", "订单编号"),
            example="HT-202601-0001",
            note="已通过和已作废的；空着由系统编号",
        ),
        Target("submitted_at", function="history", create=True),
        Target("approved_at", function="history", create=True, synonyms=("审批通过时间",), note="空着就是签约日期"),
        Target(
            "execution",
            function="history",
            create=True,
            note="空着按开始和结束日期；已完成和已关闭在这里写明",
        ),
        Target("ended_at", function="history", create=True, synonyms=("完成时间", "关闭时间")),
        Target("end_reason", function="history", create=True, note="已关闭的必填"),
        Target("voided_at", function="history", create=True),
        Target("void_reason", function="history", create=True, note="已作废的必填"),
        Target("last_followed_at", function="history", create=True, synonyms=("最近跟进时间",)),
        *HISTORY,
    )

    def key_fields(self):
        return ("customer_id", "name")

    def refuse(self, record):
        if record.lines_total is not None and record.amount != record.lines_total:
            return "合同金额", OF_LINES
        if record.starts_on and record.ends_on and record.ends_on < record.starts_on:
            return "结束日期", "结束日期不能早于开始日期"
        return None

    def compares(self):
        return True

    # Checks of rows -----------------------------------------------------------------------------------------------------
    def rows(self, chunk):
        values, size = chunk.values, len(chunk)
        self._days(chunk)
        self._at_customer(chunk, "opportunity", Opportunity, "商机", "这个商机")
        self._at_customer(chunk, "customer_signer", Contact, "客户签约人", "这位联系人")
        if "discount" in values:
            for row, discount in enumerate(values["discount"]):
                if discount is not None and not 0 <= discount <= 100:
                    chunk.fail(row, "整单折扣（%）", "折扣应在 0 到 100 之间")
        for name, label in (("signed_on", "签约日期"), ("starts_on", "开始日期"), ("ends_on", "结束日期")):
            for row, day in enumerate(values.get(name) or ()):
                if day and day < EARLIEST:
                    chunk.fail(row, label, TOO_EARLY)
        starts, ends = (values.get(name) or [None] * size for name in ("starts_on", "ends_on"))
        for row, (first, last) in enumerate(zip(starts, ends, strict=True)):
            if first and last and last < first:
                chunk.fail(row, "结束日期", "结束日期不能早于开始日期")
        values["status"] = [status or Status.DRAFT.value for status in values.get("status") or [""] * size]
        self._numbers(chunk)
        for row, status in enumerate(values["status"]):
            self._state(chunk, row, status)
        self._moments(chunk)

    def _days(self, chunk) -> None:
        found = []
        for row, text in enumerate(chunk.values.get("remind_days") or ()):
            try:
                found.append(days_of(text))
            except ValidationError as error:
                found.append(None)
                chunk.fail(row, "到期前几天提醒", error.messages[0])
        if found:
            chunk.values["remind_days"] = found

    def _at_customer(self, chunk, name: str, model, label: str, words: str) -> None:
        """Names of the customer's records into ids."""
        names = chunk.values.get(name)
        if names is None or "customer_id" not in chunk.values:
            return
        customers = sorted({pk for pk in chunk.values["customer_id"] if pk})
        known: dict[tuple, list[int]] = {}
        rows = model.objects.allowed(chunk.plan.user, "view").filter(customer_id__any=customers)
        wanted = sorted(set(filter(None, names)))
        for pk, customer, called in rows.filter(name__any=wanted).values_list("pk", "customer_id", "name"):
            known.setdefault((customer, called), []).append(pk)
        found = []
        for row, (customer, called) in enumerate(zip(chunk.values["customer_id"], names, strict=True)):
            pks = known.get((customer, called), []) if called else []
            found.append(pks[0] if len(pks) == 1 else None)
            if called and customer and len(pks) != 1:
                several = f"该客户有 {len(pks)} 个“{called[:20]}”"
                chunk.fail(row, label, several if pks else f"该客户没有“{called[:20]}”{words}")
        chunk.values[f"{name}_id"] = found

    def _numbers(self, chunk) -> None:
        """The length of numbers; whether they are free is asked when they are written."""
        field, found = Contract._meta.get_field("number"), []
        for row, text in enumerate(chunk.values.get("number") or [""] * len(chunk)):
            text = tidy(text)
            if len(text) > field.max_length:
                chunk.fail(row, "合同编号", f"最多 {field.max_length} 个字")
            found.append(text[: field.max_length])
        chunk.values["number"] = found

    def _state(self, chunk, row: int, status: str) -> None:
        """What belongs to a status, and what does not."""

        def given(name):
            return (chunk.values.get(name) or [None] * len(chunk))[row]

        execution = given("execution") or Execution.NOT_STARTED
        if status not in (Status.DRAFT, *PAST):
            chunk.fail(row, "状态", "只能导入草稿、已通过和已作废的合同")
        if status == Status.DRAFT and (any(map(given, OF_PAST)) or execution in ENDED):
            chunk.fail(row, "状态", "草稿不能有编号、通过时间、完成、关闭和作废")
        if status == Status.VOID and not given("void_reason"):
            chunk.fail(row, "作废原因", "已作废的请填写作废原因")
        if status != Status.VOID and (given("voided_at") or given("void_reason")):
            chunk.fail(row, "状态", "只有已作废的合同有作废时间和原因")
        if execution == Execution.SHUT and not given("end_reason"):
            chunk.fail(row, "关闭原因", "已关闭的请填写关闭原因")
        if execution not in ENDED and (given("ended_at") or given("end_reason")):
            chunk.fail(row, "执行状态", "只有已完成和已关闭的合同有完成或关闭时间和原因")

    def _moments(self, chunk) -> None:
        """Execution, version and moments of contracts of the past; without a moment it is the day of signing."""
        values, size, today = chunk.values, len(chunk), timezone.localdate()
        columns = {
            name: list(values.get(name) or [None] * size)
            for name in ("submitted_at", "approved_at", "ended_at", "voided_at", "execution")
        }
        starts, ends = (values.get(name) or [None] * size for name in ("starts_on", "ends_on"))
        columns["edition"] = [0] * size
        for row, status in enumerate(values["status"]):
            at = outcomes.moment_of(values["signed_on"][row])
            execution = columns["execution"][row]
            columns["execution"][row] = Execution.NOT_STARTED.value
            if status not in PAST or at is None:
                continue
            columns["approved_at"][row] = columns["approved_at"][row] or at
            columns["submitted_at"][row] = columns["submitted_at"][row] or columns["approved_at"][row]
            columns["edition"][row] = 1
            if execution in ENDED:
                columns["execution"][row] = execution
                columns["ended_at"][row] = columns["ended_at"][row] or at
            else:
                bare = Contract(status=Status.APPROVED, starts_on=starts[row], ends_on=ends[row])
                columns["execution"][row] = str(execution_of(bare, today))
            if status == Status.VOID:
                columns["voided_at"][row] = columns["voided_at"][row] or columns["approved_at"][row]
        values.update(columns)

    # Writing --------------------------------------------------------------------------------------------------------------
    def judge(self, chunk, rows):
        """A number is one contract's for good; the counter is held, so that nobody takes one of these meanwhile."""
        numbers = chunk.values["number"]
        wanted = {numbers[row] for row in rows if numbers[row]}
        if not wanted:
            return
        list(
            NumberCounter.objects.select_for_update().filter(key="contract").order_by("pk").values_list("pk", flat=True)
        )
        used = set(Contract.objects.filter(number__any=sorted(wanted)).values_list("number", flat=True))
        for row in rows:
            if numbers[row] and numbers[row] in used:
                chunk.fail(row, "合同编号", "这个编号已被使用")
            used.add(numbers[row])

    def before_create(self, chunk, rows):
        """Contracts of the past without a number get the next ones of the period they were signed in."""
        values = chunk.values
        bare = [row for row in rows if values["status"][row] in PAST and not values["number"][row]]
        by_day: dict = {}
        for row in bare:
            by_day.setdefault(values["signed_on"][row], []).append(row)
        given = {values["number"][row] for row in rows}
        kinds = values.get("kind_id") or [None] * len(chunk)
        for day in sorted(by_day):
            about = [(kinds[row], values["owner_id"][row], values["customer_id"][row]) for row in by_day[day]]
            known = numbers.values_of("contract", about)
            for row, number in zip(
                by_day[day], numbering.take_each("contract", known, day=day, besides=given), strict=True
            ):
                values["number"][row] = number

    def created(self, chunk, ids, job):
        """Version 1 of those that are in force or were, and the figures of their customers."""
        past = list(Contract.objects.filter(pk__any=ids, status__in=PAST).order_by("pk"))
        if not past:
            return
        columns = {
            "contract_id": [contract.pk for contract in past],
            "number": write.Same(1),
            "state": write.Same(ContractVersion.State.EFFECTIVE.value),
            "data": [snapshot(contract, ()) for contract in past],
            "amount": [contract.amount for contract in past],
            "by_id": [contract.created_by_id for contract in past],
            "created_at": [contract.approved_at for contract in past],
            "effective_at": [contract.approved_at for contract in past],
        }
        write.insert(ContractVersion, columns, len(past))
        customers = {contract.customer_id for contract in past if contract.status == Status.APPROVED}
        lock(customers)
        outcomes.recount(customers, by=chunk.plan.user, deal=True)


CONTRACTS = ContractImporter()
