"""The dialog that asks for what a stage demands: the module's own form, reduced to these fields."""

from ..forms import OpportunityForm


class FillForm(OpportunityForm):
    """Only the fields `keys`, each demanded. `closed_keys` = those of them the person cannot fill here."""

    def __init__(self, *args, keys: list[str], **kwargs):
        self.keys = keys
        super().__init__(*args, **kwargs)

    def customise(self):
        super().customise()
        self.closed_keys = [key for key in self.keys if key not in self.fields]
        self.fields = {name: field for name, field in self.fields.items() if name in self.keys}
        for field in self.fields.values():
            field.required = True
