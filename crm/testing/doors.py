"""Doors 1 to 11: what must not show, open, change or leave."""

import json
from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.records import filters, search, services, teams, uploads
from crm.records.models import Attachment, ExportLedger, OperationLog, Selection
from orgs.tests.factories import client_for, employee

from .base import CANARY, ContractBase


class DoorContract(ContractBase):
    """Every door to rows out of reach."""

    # Door 1: list and count ---------------------------------------------------------------------------------------------
    def test_list_shows_only_rows_in_reach_and_counts_only_them(self):
        if not self.module.owned:
            self.skip_scope()
            return
        for person, expected in (
            (self.seller, 1),
            (self.mate, 0),
            (self.manager, 1),
            (self.stranger, 1),
            (self.chief, self.chief_sees),
        ):
            response = self.get(person, self.module.list_url)
            self.assertEqual(response.context["pager"]["count"], expected, person.name)
            self.assertEqual(len(response.context["rows"]), expected, person.name)
        self.assert_hidden(self.get(self.seller, self.module.list_url))

    def skip_scope(self):
        """A module without owners: whoever holds 查看 sees every row, nobody else any."""
        self.assertEqual(self.get(self.seller, self.module.list_url).context["pager"]["count"], 2)
        self.assertEqual(self.get(self.nobody, self.module.list_url).status_code, 403)

    def test_without_the_view_function_every_page_is_403(self):
        for url in (
            self.module.list_url,
            self.module.url(pk=self.mine.pk),
            self.module.new_url,
            self.module.recycle_url,
            self.module.columns_url,
        ):
            self.assertEqual(self.get(self.nobody, url).status_code, 403, url)

    def test_role_change_acts_on_the_next_request(self):
        client = client_for(self.seller)
        self.assertEqual(client.get(self.module.list_url).status_code, 200)
        self.seller.roles.clear()
        self.assertEqual(client.get(self.module.list_url).status_code, 403)

    def test_list_statement_count_does_not_grow_with_rows(self):
        client = client_for(self.manager if self.module.owned else self.superuser)
        client.get(self.module.list_url)
        counts, statements = [], []
        for _ in range(2):
            with CaptureQueriesContext(connection) as queries:
                client.get(self.module.list_url)
            counts.append(len(queries))
            statements.append("\n".join(query["sql"][:160] for query in queries))
            for n in range(12):
                self.make(self.seller, f"更多记录{len(counts)}-{n}")
        self.assertEqual(counts[0], counts[1], "\n\n".join(statements))
        self.assertLessEqual(counts[0], 12)

    # Door 2: detail and edit by URL --------------------------------------------------------------------------------------
    def test_detail_and_verbs_of_an_unreachable_row_are_404_and_change_nothing(self):
        if not self.module.owned:
            return
        pages = ["", "edit", "transfer", "team"]
        for page in pages:
            response = self.get(self.outside, self.module.url(page, self.canary.pk))
            self.assertEqual(response.status_code, 404, page)
            self.assert_hidden(response)
        for page in [*pages[1:], "star", "files"]:
            response = self.post(
                self.outside,
                self.module.url(page, self.canary.pk),
                {"name": "x", "owner": self.outside.pk, "confirmed": "1", "ids": self.canary.pk},
            )
            self.assertEqual(response.status_code, 404, page)
        self.assertTrue(self.unchanged(self.canary))

    def test_list_and_detail_agree_for_creator_owner_team_manager_and_stranger(self):
        people = [self.seller, self.mate, self.manager, self.stranger, self.chief, self.superuser]
        for person in people:
            listed = {row["pk"] for row in self.get(person, self.module.list_url).context["rows"]}
            for record in (self.mine, self.canary):
                status = self.get(person, self.module.url(pk=record.pk)).status_code
                self.assertEqual(status == 200, record.pk in listed, f"{person.name} {record}")

    def test_read_grant_opens_but_does_not_let_edit_and_a_write_grant_does(self):
        if not self.module.grant_model:
            return
        teams.add([self.canary], [self.seller], write=False, by=self.stranger)
        self.assertEqual(self.get(self.seller, self.module.url(pk=self.canary.pk)).status_code, 200)
        self.assertEqual(self.get(self.seller, self.module.url("edit", self.canary.pk)).status_code, 403)
        self.assertEqual(self.get(self.seller, self.module.url("transfer", self.canary.pk)).status_code, 403)
        teams.add([self.canary], [self.seller], write=True, by=self.stranger)
        self.assertEqual(self.get(self.seller, self.module.url("edit", self.canary.pk)).status_code, 200)
        self.assertEqual(self.get(self.seller, self.module.url("transfer", self.canary.pk)).status_code, 403)

    def test_a_grant_ends_with_its_last_day_and_never_widens_functions(self):
        if not self.module.grant_model:
            return
        teams.add([self.canary], [self.seller, self.nobody], write=True, until=timezone.localdate(), by=self.stranger)
        self.assertEqual(self.get(self.seller, self.module.url(pk=self.canary.pk)).status_code, 200)
        self.assertEqual(self.get(self.nobody, self.module.url(pk=self.canary.pk)).status_code, 403)
        self.module.grant_model.objects.update(until=timezone.localdate() - timedelta(days=1))
        self.assertEqual(self.get(self.seller, self.module.url(pk=self.canary.pk)).status_code, 404)

    def test_detail_statement_count_stays_in_its_limit(self):
        client = client_for(self.manager if self.module.owned else self.superuser)
        for tab in ("followups", "fields", "team", "files", "log", *[child.prefix for child in self.module.children]):
            client.get(self.module.url(pk=self.mine.pk))
            with CaptureQueriesContext(connection) as queries:
                client.get(f"{self.module.url(pk=self.mine.pk)}?tab={tab}")
            self.assertLessEqual(len(queries), 20, tab)

    # Door 3: bulk ---------------------------------------------------------------------------------------------------------
    def test_bulk_delete_touches_neither_foreign_ids_nor_rows_changed_since(self):
        person = self.seller if self.module.owned else self.superuser
        changed = self.make(self.seller, "选中后被改")
        ids = f"{self.mine.pk},{changed.pk}" + (f",{self.canary.pk}" if self.module.owned else "")
        self.post(person, f"{self.module.bulk_url}delete/", {"ids": ids})
        selection = Selection.objects.get(user=person)
        self.assertNotIn(self.canary.pk, [pk for pk, _ in selection.rows] if self.module.owned else [])
        services.update(changed, {self.title_form_field: "改过了"}, version=changed.version, by=person)
        response = self.post(person, f"{self.module.bulk_url}delete/", {"selection": selection.token})
        self.assertIn("选择之后被修改过", self.body(response))
        self.mine.refresh_from_db()
        changed.refresh_from_db()
        self.assertIsNotNone(self.mine.deleted_at)
        self.assertIsNone(changed.deleted_at)
        self.assertTrue(self.unchanged(self.canary))
        again = self.post(person, f"{self.module.bulk_url}delete/", {"selection": selection.token})
        self.assertIn("已处理或已失效", self.body(again))

    def test_all_matching_means_the_filter_within_reach_and_refuses_a_forged_token(self):
        person = self.seller if self.module.owned else self.superuser
        token = filters.sign(self.module.name, "")
        self.post(person, f"{self.module.bulk_url}delete/", {"all": "1", "filter": token})
        frozen = {pk for pk, _ in Selection.objects.get(user=person).rows}
        self.assertIn(self.mine.pk, frozen)
        if self.module.owned:
            self.assertNotIn(self.canary.pk, frozen)
        for bad in (
            "",
            "x",
            filters.sign("other", ""),
            filters.sign(self.module.name, "owner__password__startswith=a"),
        ):
            response = self.post(person, f"{self.module.bulk_url}delete/", {"all": "1", "filter": bad})
            self.assertEqual(response.status_code, 400, bad)

    def test_somebody_elses_selection_is_refused(self):
        person = self.seller if self.module.owned else self.superuser
        self.post(person, f"{self.module.bulk_url}delete/", {"ids": str(self.mine.pk)})
        token = Selection.objects.get(user=person).token
        other = employee("另一个超管", ["super"])
        self.assertIn("已失效", self.body(self.post(other, f"{self.module.bulk_url}delete/", {"selection": token})))
        self.assertTrue(self.unchanged(self.mine))

    def test_every_bulk_action_needs_its_function(self):
        shared = ("delete", "restore", "purge", *(("transfer", "team") if self.module.owned else ()))
        pages = {key: f"{self.module.bulk_url}{key}/" for key in shared}
        pages |= {bulk.key: bulk.page or f"{self.module.bulk_url}{bulk.key}/" for bulk in self.module.bulk}
        open_to_chief = {bulk.key for bulk in self.module.bulk if self.module.may(self.chief, bulk.action)}
        for key, url in pages.items():
            person = self.nobody if key in open_to_chief else self.chief
            self.assertEqual(self.post(person, url, {"ids": str(self.mine.pk)}).status_code, 403, key)
        self.assertTrue(self.unchanged(self.mine))

    # Door 4: pickers --------------------------------------------------------------------------------------------------------
    def test_picker_offers_only_visible_rows(self):
        if self.module.owned:
            self.assertEqual(
                json.loads(self.body(self.get(self.seller, f"/pick/{self.module.name}/?q={CANARY}")))["results"], []
            )
        self.assertEqual(
            len(json.loads(self.body(self.get(self.stranger, f"/pick/{self.module.name}/?q={CANARY}")))["results"]), 1
        )
        self.assertEqual(self.get(self.nobody, f"/pick/{self.module.name}/?q=a").status_code, 403)

    def test_an_owner_outside_reach_is_a_form_error_and_writes_nothing(self):
        if "owner" not in self.form_data("x", self.seller):
            return
        count = self.module.model.objects.count()
        response = self.post(self.seller, self.module.new_url, self.form_data("越权负责人", self.stranger))
        self.assertEqual(response.status_code, 200)
        self.assertIn("owner", response.context["form"].errors)
        self.assertEqual(self.module.model.objects.count(), count)

    # Door 6: attachments and log ----------------------------------------------------------------------------------------------
    def test_attachments_and_log_follow_the_record(self):
        file = uploads.attach(self.canary, [SimpleUploadedFile(f"{CANARY}.txt", b"secret")], by=self.stranger)[0]
        if self.module.owned:
            for method in (self.get, lambda person, url: self.post(person, url, {})):
                self.assertEqual(method(self.seller, f"/files/{file.pk}/remove/").status_code, 404)
            self.assertEqual(self.get(self.seller, f"/files/{file.pk}/").status_code, 404)
        self.assertEqual(self.get(self.nobody, f"/files/{file.pk}/").status_code, 404)
        self.assertEqual(self.body(self.get(self.stranger, f"/files/{file.pk}/")), "secret")
        self.assertTrue(Attachment.objects.filter(pk=file.pk).exists())

    def test_every_change_leaves_a_log_row(self):
        person = self.superuser
        before = OperationLog.objects.count()
        steps = [
            lambda: services.update(
                self.mine, {self.title_form_field: "改名之后"}, version=self.mine.version, by=person
            ),
            lambda: uploads.attach(self.mine, [SimpleUploadedFile("a.txt", b"x")], by=person),
            lambda: self.module.verb("delete")(self.module.model.objects.filter(pk=self.mine.pk), by=person),
            lambda: self.module.verb("restore")(self.module.model.objects.filter(pk=self.mine.pk), by=person),
        ]
        if self.module.owned:
            steps.append(
                lambda: services.transfer(self.module.model.objects.filter(pk=self.mine.pk), self.mate, by=person)
            )
        # those with a form or a page of their own have tests of their own
        for bulk in [one for one in self.module.bulk if one.run and not one.form]:
            steps.append(
                lambda bulk=bulk: bulk.run(self.module.model.objects.filter(pk=self.mine.pk), by=person, form=None)
            )
        for step in steps:
            step()
            after = OperationLog.objects.count()
            self.assertGreaterEqual(after, before)
            before = after
        codes = set(OperationLog.objects.filter(object_id=self.mine.pk).values_list("code", flat=True))
        self.assertLessEqual(
            {f"{self.module.name}.{code}" for code in ("updated", "file_added", "deleted", "restored")}, codes
        )

    # Door 7: export -----------------------------------------------------------------------------------------------------------
    def test_the_export_file_holds_only_rows_in_reach_at_run_time(self):
        person = self.seller if self.module.owned else self.superuser
        for data in (
            {"filter": ""},
            {"filter": filters.sign(self.module.name, "")},
            {"ids": f"{self.mine.pk},{self.canary.pk}"},
        ):
            response = self.post(person, self.module.export_url, {**data, "format": "csv", "columns": "all"})
            text = self.body(response)
            self.assertIn("甲的青岚记录", text, data)
            if self.module.owned:
                self.assertNotIn(CANARY, text, data)
        self.assertEqual(ExportLedger.objects.filter(user=person, module=self.module.name).count(), 3)
        if self.module.owned:
            refused = self.post(person, self.module.export_url, {"ids": str(self.canary.pk), "format": "csv"})
            self.assertEqual(refused.status_code, 422)
            self.assertIn("都不在您可导出的范围内", self.body(refused))
        forged = self.post(
            person,
            self.module.export_url,
            {"filter": filters.sign(self.module.name, "owner__password=x"), "format": "csv"},
        )
        self.assertEqual(forged.status_code, 422)
        self.assertEqual(self.post(self.nobody, self.module.export_url, {"ids": str(self.mine.pk)}).status_code, 403)

    # Door 10: search ------------------------------------------------------------------------------------------------------------
    def test_search_finds_only_rows_in_reach(self):
        if self.module.owned:
            for url in (
                f"{self.module.list_url}?q={CANARY}",
                f"/search/?q={CANARY}",
                f"/search/?q={search.initials(CANARY).split()[0]}",
            ):
                self.assertEqual(self.found_anywhere(self.seller, url), 0, url)
        self.assertEqual(self.found_anywhere(self.stranger, f"{self.module.list_url}?q={CANARY}"), 1)
        self.assertEqual(
            self.found_anywhere(self.stranger, f"{self.module.list_url}?q={search.initials(CANARY).split()[0]}"), 1
        )

    def found_anywhere(self, person, url) -> int:
        context = self.get(person, url).context
        if "rows" in context:
            return len(context["rows"])
        return sum(len(group["items"]) for group in context["groups"])

    def test_unknown_and_relation_spanning_parameters_have_no_effect_and_are_named(self):
        plain = self.get(self.seller, self.module.list_url).context["pager"]["count"]
        response = self.get(
            self.seller, f"{self.module.list_url}?owner__password__startswith=a&sort=owner__password&view=nope&page=abc"
        )
        self.assertEqual(response.context["pager"]["count"], plain)
        text = " ".join(response.context["notices"])
        for named in ("owner__password__startswith", "owner__password", "nope"):
            self.assertIn(named, text)
        self.assertTrue(response.context["pager"]["jump_error"])
