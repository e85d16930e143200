"""The company every contract test lives in, and the small helpers the doors share."""

from crm.records import modules
from orgs.tests.factories import client_for, department, employee

XSS = '"><img src=x onerror=1>'
CANARY = "金丝雀藏身处"


class ContractBase:
    """Mix into a TestCase. `module` is the module's name; `make(owner, title)` saves a row; `form_data(title, owner)` is
    what the create form posts."""

    module_name = ""
    title_form_field = "name"
    edit_only: dict = {}
    chief_sees = 2  # rows of the two sellers that somebody who reaches everybody sees
    least_texts = 4  # text fields its form has at least

    # To give -----------------------------------------------------------------------------------------------------------
    @classmethod
    def make(cls, owner, title):
        raise NotImplementedError

    def form_data(self, title, owner) -> dict:
        raise NotImplementedError

    # The company -------------------------------------------------------------------------------------------------------
    @classmethod
    def setUpTestData(cls):
        east, south = department("华东"), department("华南")
        group, other_group = department("苏州组", east), department("杭州组", east)
        cls.manager = employee("华东经理", ["sales_manager"], east)
        cls.seller = employee("甲", ["seller"], group, supervisor=cls.manager)
        cls.mate = employee("乙", ["seller"], other_group, supervisor=cls.manager)
        cls.stranger = employee("丙", ["seller"], south)
        cls.chief = employee("高管", ["executive"])
        cls.superuser = employee("超管", ["super"])
        cls.nobody = employee("无权", [])
        cls.module = modules.get(cls.module_name)
        cls.mine = cls.make(cls.seller, "甲的青岚记录")
        cls.canary = cls.make(cls.stranger, CANARY)

    def get(self, person, url, **headers):
        return client_for(person).get(url, headers=headers)

    def post(self, person, url, data, **headers):
        return client_for(person).post(url, data, headers=headers)

    def body(self, response) -> str:
        return (b"".join(response.streaming_content) if response.streaming else response.content).decode(
            "utf-8", "replace"
        )

    def assert_hidden(self, response):
        self.assertNotIn(CANARY, self.body(response))

    def unchanged(self, record):
        fresh = type(record).objects.get(pk=record.pk)
        return (fresh.version, fresh.deleted_at, fresh.updated_at) == (
            record.version,
            record.deleted_at,
            record.updated_at,
        )

    @property
    def outside(self):
        """Somebody who holds every function of a seller and reaches nothing of the canary's."""
        return self.seller
