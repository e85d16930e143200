"""What print and copy as text promise for every record type."""

from crm.records import fieldset
from crm.records.models import Selection

from .base import CANARY, XSS
from .customs import CustomContract


class PaperContract(CustomContract):
    """A record on paper and as text shows what the person may read, of rows they may print, and nothing else."""

    def test_a_record_as_text_holds_its_name_and_readable_fields_and_masks_what_is_masked(self):
        plain = {"accept": "text/plain"}
        key, person = self.restrict(fieldset.MASKED)
        text = self.body(self.get(person, self.module.url("text", self.mine.pk), **plain))
        self.assertTrue(text.startswith(f"{self.module.title_of(self.mine)}\n"))
        self.assertIn("自定单行文本：秘***", text)
        self.assertNotIn("秘密内容", text)
        own = person.roles.get()
        own.field_rights = {self.module.name: {key: fieldset.HIDDEN}}
        own.save()
        text = self.body(self.get(person, self.module.url("text", self.mine.pk), **plain))
        self.assertNotIn("自定单行文本", text)
        page = self.get(self.editor, self.module.url("text", self.mine.pk))
        self.assertContains(page, "<textarea")
        self.assertContains(page, "秘密内容七七")

    def test_print_and_text_of_a_row_out_of_sight_are_404_and_markup_is_escaped(self):
        record = self.make(self.seller, XSS)
        for page in ("text", "print"):
            self.assertNotContains(self.get(self.editor, self.module.url(page, record.pk)), "<img src=x")
            if self.module.owned:
                self.assertEqual(self.get(self.seller, self.module.url(page, self.canary.pk)).status_code, 404)

    def test_the_printed_record_has_company_date_and_the_fields_the_person_may_read(self):
        key, person = self.restrict(fieldset.HIDDEN)
        page = self.get(self.editor, self.module.url("print", self.mine.pk))
        self.assertContains(page, "秘密内容七七")
        self.assertContains(page, "打印于")
        self.assertContains(page, "data-print-now")
        self.assertNotContains(self.get(person, self.module.url("print", self.mine.pk)), "秘密内容")

    def test_the_printed_list_holds_the_selected_rows_within_reach_and_the_persons_columns(self):
        other, url = self.make(self.seller, "第二条"), f"{self.module.bulk_url}print/"
        ids = f"{other.pk},{self.mine.pk},{self.canary.pk}"
        address = self.post(self.editor, url, {"ids": ids}).headers["Location"]
        page = self.body(self.get(self.editor, address))
        self.assertLess(page.index("第二条"), page.index("甲的青岚记录"))
        self.assertEqual(CANARY in page, not self.module.owned)
        self.assertEqual(
            self.get(self.superuser, address).status_code, 404 if self.editor is not self.superuser else 200
        )
        self.assertEqual(self.get(self.stranger, address).status_code, 404)
        self.assertEqual(self.post(self.nobody, url, {"ids": ids}).status_code, 403)
        self.assertEqual(self.post(self.editor, url, {"ids": ""}).status_code, 400)

    def test_more_rows_than_fit_on_paper_are_refused(self):
        from crm.records.views import paper

        limit, paper.ROWS = paper.ROWS, 1
        try:
            other = self.make(self.seller, "第二条")
            response = self.post(self.editor, f"{self.module.bulk_url}print/", {"ids": f"{self.mine.pk},{other.pk}"})
        finally:
            paper.ROWS = limit
        self.assertIn("一次最多打印 1 条", self.body(response))
        self.assertFalse(Selection.objects.filter(action="print").exists())
