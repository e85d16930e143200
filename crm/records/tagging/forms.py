"""Form fields of tags and the bulk action 打标签. Values are names: a name that does not exist yet is a new tag."""

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError

from .. import fieldset
from ..modules import Bulk
from . import services


class NamesWidget(forms.SelectMultiple):
    """A select of names that keeps names it does not offer, so that nothing typed is lost after an error."""

    def optgroups(self, name, value, attrs=None):
        offered = {str(one) for one, _ in self.choices}
        known, self.choices = self.choices, [*self.choices, *((one, one) for one in value if one not in offered)]
        try:
            return super().optgroups(name, value, attrs)
        finally:
            self.choices = known


class TagsField(forms.Field):
    """Names of tags out of those of the module; `create` = new ones may be typed."""

    def __init__(self, module, *, create: bool, **kwargs):
        self.module, self.create = module, create
        attrs = {"data-search": "", "placeholder": "选择或输入新标签" if create else "选择标签"}
        if create:
            attrs["data-create"] = "创建新标签"
        super().__init__(required=False, widget=NamesWidget(attrs=attrs), **kwargs)
        self.widget.choices = [(tag.name, tag.name) for tag in services.of_module(module)]

    def clean(self, value):
        names = services.once([name for part in value or () for name in services.split(part)])
        if len(names) > services.MOST:
            raise ValidationError(f"每条{self.module.label}最多 {services.MOST} 个标签")
        offered = {services.key_of(name) for name, _ in self.widget.choices}
        strange = [name for name in names if services.key_of(name) not in offered]
        if strange and not self.create:
            raise ValidationError(f"没有“{strange[0]}”这个标签")
        return names


class RecordTagsForm(forms.Form):
    """The tags of one record."""

    def __init__(self, *args, user, module, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["tags"] = TagsField(module, create=services.may_create(user), label="标签")


class BulkTagsForm(forms.Form):
    """Tags to put on the selected rows and tags to take off."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        if not fieldset.of(module, user).editable("tags"):
            raise PermissionDenied("您的角色不能修改标签。")
        self.fields["add"] = TagsField(module, create=services.may_create(user), label="加上标签")
        self.fields["drop"] = TagsField(module, create=False, label="去掉标签")

    def clean(self):
        data = super().clean()
        if not self.errors and not data.get("add") and not data.get("drop"):
            raise ValidationError("请选择要加上或去掉的标签")
        both = {services.key_of(name) for name in data.get("add", ())} & {
            services.key_of(name) for name in data.get("drop", ())
        }
        if both:
            raise ValidationError("同一个标签不能既加上又去掉")
        return data


def _run(rows, *, by, form):
    return services.change(rows, by=by, add=form.cleaned_data["add"], drop=form.cleaned_data["drop"])


BULK = Bulk("tags", "打标签", "tag", "edit", _run, "给 {n} 个{label}打标签", "打标签（{n} 个）", form=BulkTagsForm)
