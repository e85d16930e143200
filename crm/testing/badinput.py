"""What people paste: every text field of the form takes it in its normal form or refuses it with its own sentence."""

from django import forms

from crm.records.fields import tidy
from crm.records.formfields import Cleaned

from .base import ContractBase

PASTES = {
    "10,000 characters": "长" * 10_000,
    "emoji": "🐳👨‍👩‍👧‍👦é",
    "control characters": "a\x01\x08\x1b\x7f\x9fb",
    "NUL": "a\x00b",
    "RTL marks": "a\u202e\u2066\u200f\ufeffb",
    "only invisible": "\u200b\u2060\x00",
    "line ends": "a\r\nb\rc\u2028d",
    "markup": '"><img src=x onerror=1>',
    "a lone surrogate's stand-in": "\ufffd",
}
DIRTY = "\x00\x01\x08\x1b\x7f\x9f\u202e\u2066\u200f\ufeff\u200b\u2060"


class BadInputContract(ContractBase):
    """One post for each paste, with it in every text field at once, and one with it in the title alone."""

    def test_pastes_of_every_kind_are_saved_clean_or_refused_with_the_sentence_of_the_field(self):
        form = self.get(self.editor, self.module.new_url).context["form"]
        names = [
            name
            for name, field in form.fields.items()
            if isinstance(field, Cleaned) or (isinstance(field, forms.CharField) and not field.widget.is_hidden)
        ]
        self.assertGreaterEqual(len(names), self.least_texts)
        for kind, paste in PASTES.items():
            for fields in (names, [self.title_form_field]):
                with self.subTest(kind, fields=len(fields)):
                    base = self.form_data(
                        f"照常{len(kind)}-{len(fields)}-{self.module.model.objects.count()}", self.editor
                    )
                    count = self.module.model.objects.count()
                    response = self.post(self.editor, self.module.new_url, {**base, **dict.fromkeys(fields, paste)})
                    body = self.body(response)
                    self.assertNotIn("<img src=x", body)
                    if response.status_code == 302:
                        record = self.module.model.objects.latest("pk")
                        for name in self.stored_texts(fields):
                            value = getattr(record, name)
                            self.assertFalse(set(value) & set(DIRTY), f"{kind} {name}: {value!r}")
                            self.assertEqual(value, tidy(value, multiline=True))
                        self.assertEqual(self.get(self.editor, self.module.url(pk=record.pk)).status_code, 200)
                        continue
                    self.assertEqual(response.status_code, 200)
                    errors = response.context["form"].errors
                    self.assertTrue(errors)
                    for name, sentences in errors.items():
                        self.assertTrue(name in fields or name == "__all__", f"{kind}: {name} {sentences}")
                        for sentence in sentences:
                            self.assertRegex(sentence, "[\u4e00-\u9fff]", f"{kind}: {name}")
                            self.assertIn(sentence.split("“")[0][:10], body)
                    self.assertEqual(self.module.model.objects.count(), count)

    def stored_texts(self, names):
        own = {field.name for field in self.module.model._meta.fields}
        return [name for name in names if name in own and isinstance(getattr(self.mine, name), str)]
