"""Forms of the pool's verbs."""

from django import forms

from crm.records.formfields import Picked
from crm.records.forms import people_in_reach
from crm.records.models import DictionaryItem

from . import access, book, kinds

WORDS = 500


def reasons() -> list[str]:
    """The values of the dictionary pool.reason in their order."""
    return list(DictionaryItem.objects.filter(dictionary="pool.reason", active=True).values_list("label", flat=True))


def offered(kind: kinds.Kind, user) -> list[book.Facts]:
    """Pools a person may put records into: those they look into, at least the default one."""
    return access.pools_of(kind, user) or [book.default(kind.module)]


class PoolField(forms.TypedChoiceField):
    """One of these pools; cleans to its facts."""

    def __init__(self, pools: list[book.Facts], *, kind: kinds.Kind, empty: str = "", **kwargs):
        choices = [(pool.pk, pool.name) for pool in pools]
        by_pk = {str(pool.pk): pool for pool in pools}
        few = len(choices) <= 6
        kwargs.setdefault("widget", forms.RadioSelect if few else forms.Select(attrs={"data-search": ""}))
        super().__init__(
            choices=[*([("", empty)] if empty else []), *choices],
            coerce=lambda value: by_pk[str(value)],
            empty_value=None,
            error_messages={"required": f"请选择{kind.label}", "invalid_choice": f"请选择列表中的{kind.label}"},
            **kwargs,
        )


class PoolChoice:
    """Mix into the form of a pooled type: a new record may go into a pool at once, and then has no owner. The form calls
    `offer_pools` in `prepare` and `take_pool` in `clean`."""

    def offer_pools(self, kind: kinds.Kind, label: str) -> None:
        chosen = access.pools_of(kind, self.user) if self.instance.pk is None else []
        if not chosen:
            del self.fields["pool"]
            return
        help_text = f"放入后没有负责人，{kind.label}成员都可以领取"
        self.fields["pool"] = PoolField(
            chosen, kind=kind, required=False, label=label, empty="不放入", help_text=help_text
        )

    def _clean_fields(self):
        """In a pool nobody is the owner, so none is asked for."""
        if "owner" in self.fields and str(self.data.get(self.add_prefix("pool")) or "").isdigit():
            self.fields["owner"].required = False
        super()._clean_fields()

    def take_pool(self, data: dict) -> None:
        if data.get("pool"):
            self.instance.pool_id = data["pool"].pk
            data["owner"] = None


class ReleaseForm(forms.Form):
    """放入公海: which pool, why, a line for the next owner."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        kind = kinds.get(module.name)
        pools = offered(kind, user)
        self.fields["pool"] = PoolField(pools, kind=kind, label=f"放入哪个{kind.label}", initial=pools[0].pk)
        self.fields["reason"] = forms.ChoiceField(
            label="原因",
            choices=[("", "请选择"), *((label, label) for label in reasons())],
            error_messages={"required": "请选择原因", "invalid_choice": "请选择列表中的选项"},
        )
        self.fields["words"] = forms.CharField(
            label="补充说明",
            required=False,
            max_length=WORDS,
            widget=forms.Textarea(attrs={"rows": 3, "placeholder": "给下一位负责人的话，可不填"}),
            error_messages={"max_length": f"最多 {WORDS} 个字"},
        )


class AssignForm(forms.Form):
    """分配: to whom."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        function = f"{module.name}.assign"
        self.fields["owner"] = Picked(
            people_in_reach(user, function),
            kind="employee",
            query={"for": function},
            label="负责人",
            error_messages={"required": "请选择负责人"},
        )


class MoveForm(forms.Form):
    """移动: to which other pool."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        kind = kinds.get(module.name)
        pools = [pool for pool in access.pools_of(kind, user) if f"pool:{pool.pk}" != module.place]
        self.fields["pool"] = PoolField(pools, kind=kind, label=f"移到哪个{kind.label}")
