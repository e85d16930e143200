"""Requests through the record contract."""

from unittest import mock

from django.test import TestCase

from approvals.models import Request, RequestType
from approvals.requests import services
from approvals.tests import asking
from crm.records.custom import definitions
from crm.records.models import FieldDefinition
from crm.testing.badinput import BadInputContract
from crm.testing.doors import DoorContract
from crm.testing.forms import FormContract
from crm.testing.paper import PaperContract
from crm.testing.tags import TagContract
from crm.testing.undo import UndoContract
from crm.testing.views import ViewContract


def every_key(kind) -> list[str]:
    return list(definitions.custom("request"))


class RequestContract(
    DoorContract, FormContract, ViewContract, TagContract, BadInputContract, UndoContract, PaperContract, TestCase
):
    """Without the contracts of imports and follow-ups, which requests have none of. The form of its one type has whatever
    fields the contract defines."""

    module_name = "request"
    title_form_field = "title"
    chief_sees = 0  # requests are private

    @classmethod
    def setUpTestData(cls):
        FieldDefinition.objects.filter(module="request").delete()
        definitions.touch()  # this process may remember them from another test
        RequestType.objects.exclude(name="用印").update(enabled=False)
        super().setUpTestData()

    def setUp(self):
        super().setUp()
        definitions.touch()
        keys = mock.patch.object(RequestType, "keys", property(every_key))
        keys.start()
        self.addCleanup(keys.stop)

    @classmethod
    def make(cls, owner, title):
        return services.create_request(Request(type=asking.kind(), title=title, owner=owner), by=owner)

    def form_data(self, title, owner):
        return {"type": asking.kind().pk, "title": title}

    # Requests are neither imported, nor given to others, nor edited many at once, and their form has one built-in field.
    test_a_built_in_field_can_be_renamed_demanded_and_hidden = None
    test_pastes_of_every_kind_are_saved_clean_or_refused_with_the_sentence_of_the_field = None
    test_a_field_of_every_type_shows_on_form_list_detail_log_file_and_template = None
    test_a_file_holds_the_tags_and_the_import_reads_them = None
    test_a_hidden_field_appears_nowhere_for_the_role = None
    test_a_record_edited_since_stays_and_is_named = None
    test_a_transfer_out_of_sight_is_taken_back_without_showing_anything = None
    test_bulk_edit_clears_where_a_field_may_be_empty_and_asks_where_nothing_was_typed = None
    test_bulk_edit_needs_the_edit_function = None
    test_bulk_edit_neither_offers_nor_takes_a_field_the_role_may_only_read = None
    test_bulk_edit_offers_every_field_the_person_may_edit_and_no_other = None
    test_bulk_edit_refuses_fields_outside_the_form_and_leaves_everything_as_it_was = None
    test_bulk_edit_saves_the_chosen_fields_of_allowed_rows_with_log_and_version = None
    test_choosing_a_field_brings_its_widget_and_writes_nothing = None
    test_fields_that_were_not_chosen_have_no_effect = None
    test_transfer_gives_the_row_away_and_a_disabled_person_cannot_receive_it = None
    test_undo_of_every_act_brings_each_record_back_exactly = None

    def test_there_is_no_page_to_transfer_or_edit_many(self):
        for key in ("edit", "transfer"):
            response = self.post(self.superuser, f"{self.module.bulk_url}{key}/", {"ids": str(self.mine.pk)})
            self.assertIn(response.status_code, (403, 404), key)
        self.assertEqual(self.get(self.superuser, self.module.import_url).status_code, 404)
        self.assertTrue(self.unchanged(self.mine))

    def test_every_bulk_action_needs_its_function(self):
        for key in ("delete", "restore", "purge", "transfer", "team"):
            url = f"{self.module.bulk_url}{key}/"
            self.assertEqual(self.post(self.nobody, url, {"ids": str(self.mine.pk)}).status_code, 403, key)
        self.assertTrue(self.unchanged(self.mine))
