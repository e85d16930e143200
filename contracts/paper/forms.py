"""Forms of contract templates."""

from django import forms

from ..models import ContractTemplate


class TextForm(forms.ModelForm):
    """A template written here."""

    sections = (("", "", ("name", "body")),)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = ContractTemplate
        fields = ["name", "body"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["body"].required = True
        self.fields["body"].error_messages["required"] = "请填写模板内容"
        self.fields["body"].widget.attrs["rows"] = 22
        self.fields["body"].help_text = "“# ”开头的一行是标题，“## ”开头的是小标题；{产品明细} 单独占一行时是产品表格"
        self.initial["version"] = self.instance.version if self.instance.pk else ""

    def clean_version(self):
        return self.data.get("version") and self.cleaned_data["version"]

    def _post_clean(self):
        """The service checks the whole; here only the fields are read."""


class DocxForm(forms.ModelForm):
    """A template made in Word."""

    sections = (("", "", ("name", "file")),)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    file = forms.FileField(
        label="Word 文件（.docx）",
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": ".docx"}),
        error_messages={"empty": "这是空文件"},
    )

    class Meta:
        model = ContractTemplate
        fields = ["name"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["file"].widget = forms.FileInput(attrs={"accept": ".docx"})
        self.initial["version"] = self.instance.version if self.instance.pk else ""
        if self.instance.pk:
            self.fields["file"].help_text = f"现在是“{self.instance.file_name}”，不选文件则保留"
        else:
            self.fields[
                "file"
            ].help_text = "占位符写成 {客户名称} 这样；表格里写有 {产品名称} 等的一行按产品重复。最大 20 MB"

    def _post_clean(self):
        """The service checks the whole; here only the fields are read."""
