"""People and flows for the tests of the editor."""

import json

from approvals import flows, shape
from approvals.models import Flow
from orgs.tests.factories import client_for, department, employee


class Company:
    def __init__(self):
        self.east, self.south = department("华东"), department("华南")
        self.boss = employee("周亦辰", ["sales_manager"], self.east)
        self.seller = employee("林晓岚", ["seller"], self.east, supervisor=self.boss)
        self.finance = employee("陈景和", ["finance"])
        self.admin = employee("江予安", ["admin"])
        self.client = client_for(self.admin)


def step(key: str, name: str, *who, **more) -> dict:
    return {**shape.new_step(key, name), "who": list(who), **more}


def by(*people) -> dict:
    return {"kind": "employee", "ids": [one.pk for one in people]}


UP = {"kind": "supervisor", "level": 1}
LARGE = {"m": "and", "c": [{"f": "amount", "o": "gte", "v": "100000"}]}


def saying(*steps, **more) -> dict:
    return {**shape.EMPTY, "steps": list(steps), **more}


def sent(company, definition, version: int = 0, **more) -> dict:
    text = definition if isinstance(definition, str) else json.dumps(definition, ensure_ascii=False)
    return {
        "name": "大额合同",
        "administrator": company.admin.pk,
        "version": version,
        "definition": text,
        **more,
    }


def made(company, name: str = "大额合同", definition: dict | None = None, **values) -> Flow:
    values = {"name": name, "note": "", "administrator": company.admin, "departments": [], "employees": [], **values}
    wanted = definition or saying(step("s1", "直属上级", UP))
    return flows.save_flow(Flow(document="contract"), values=values, definition=wanted, version=0, by=company.admin)
