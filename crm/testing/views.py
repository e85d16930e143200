"""Door 9 and the advanced filter: saved views and conditions never show more than the gate, and say what they do not know."""

import json
from urllib.parse import urlencode

from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.records import conditions, fieldset, filters, saved, services
from crm.records.models import FieldDefinition, SavedView
from orgs.services import fields as verbs
from orgs.tests.factories import client_for, employee, role

from .base import CANARY, XSS
from .customs import SAMPLES, CustomContract

Type = FieldDefinition.Type


def where(*parts, mode: str = "and") -> str:
    """A `where` parameter of (field, operator, *values) conditions; a nested string is a group."""
    tree = {
        "m": mode,
        "c": [json.loads(p) if isinstance(p, str) else {"f": p[0], "o": p[1], "v": list(p[2:])} for p in parts],
    }
    return json.dumps(tree)


class ViewContract(CustomContract):
    """Advanced filter, saved views, totals, chart."""

    def found(self, person, text: str, **more) -> set[int]:
        response = self.get(person, f"{self.module.list_url}?{urlencode({'where': text, 'size': 100, **more})}")
        self.assertEqual(response.context["notices"], [], text)
        return {row["pk"] for row in response.context["rows"]}

    def problems(self, person, text: str) -> list[str]:
        response = self.get(person, f"{self.module.list_url}?{urlencode({'where': text})}")
        return response.context["notices"]

    def test_every_operator_of_every_custom_type_finds_what_it_says(self):
        fields = self.make_fields((*SAMPLES, Type.PERSON, Type.DEPARTMENT))
        mate = employee("被选的人", department=self.seller.department)
        full, empty = self.make(self.seller, "有值的"), self.make(self.seller, "空的")
        values = {row.key: SAMPLES[kind][1] for kind, row in fields.items() if kind in SAMPLES}
        values |= {fields[Type.PERSON].key: mate.pk, fields[Type.DEPARTMENT].key: mate.department_id}
        services.update(full, values, version=1, by=self.superuser)
        both = {full.pk, empty.pk}
        hits = {
            Type.LINE: [("contains", "三角"), ("is", "长三角"), ("lacks", "珠"), ("not", "珠三角")],
            Type.TEXT: [("contains", "二行"), ("lacks", "三行")],
            Type.NUMBER: [
                ("is", "1234.5"),
                ("gt", "1,000"),
                ("gte", "1234.5"),
                ("lt", "9999"),
                ("lte", "1234.5"),
                ("between", "2000", "1000"),
                ("not", "1"),
            ],
            Type.MONEY: [("between", "9999.9", "9999.90"), ("gt", "9999.89")],
            Type.PERCENT: [("is", "35"), ("lt", "100")],
            Type.DATE: [
                ("on", "2026-01-31"),
                ("before", "2026-02-01"),
                ("after", "2026-01-30"),
                ("between", "2026-01-01", "2026-01-31"),
            ],
            Type.MOMENT: [("on", "2026-01-31"), ("before", "2026-02-01"), ("after", "2026-01-30")],
            Type.CHOICE: [("in", "1"), ("in", "1", "2"), ("out", "2")],
            Type.CHOICES: [("in", "2"), ("in", "1", "2")],
            Type.CHECK: [("yes",)],
            Type.MOBILE: [("contains", "8000")],
            Type.EMAIL: [("is", "a@example.com"), ("contains", "EXAMPLE"), ("contains", "example")],
            Type.URL: [("contains", "example.com")],
            Type.AREA: [("in", "江苏省/苏州市")],
            Type.PERSON: [("in", str(mate.pk))],
            Type.DEPARTMENT: [("in", str(mate.department_id))],
        }
        for kind, asked in hits.items():
            key = fields[kind].key
            for one in asked:
                rows = self.found(self.superuser, where((key, *one))) & both
                matches_empty = one[0] in ("lacks", "not", "out")
                self.assertEqual(rows, both if matches_empty else {full.pk}, (kind, one))
            if kind != Type.CHECK:
                self.assertEqual(self.found(self.superuser, where((key, "empty"))) & both, {empty.pk}, kind)
                self.assertEqual(self.found(self.superuser, where((key, "filled"))) & both, {full.pk}, kind)
        self.assertEqual(self.found(self.superuser, where((fields[Type.CHECK].key, "no"))) & both, {empty.pk})
        self.assertEqual(self.found(self.superuser, where((fields[Type.CHOICES].key, "out", "2"))) & both, {empty.pk})
        for one in (("is", "长三"), ("contains", "珠")):
            self.assertEqual(self.found(self.superuser, where((fields[Type.LINE].key, *one))), set())

    def test_groups_combine_two_levels_and_conditions_add_to_the_rest_of_the_url(self):
        row = self.make_fields([Type.NUMBER])[Type.NUMBER]
        made = [self.make(self.seller, f"组合{n}") for n in range(4)]
        for n, record in enumerate(made):
            services.update(record, {row.key: n}, version=1, by=self.superuser)
        either = where((row.key, "is", "0"), (row.key, "is", "3"), mode="or")
        self.assertEqual(self.found(self.superuser, either), {made[0].pk, made[3].pk})
        nested = where((row.key, "gte", "1"), either)
        self.assertEqual(self.found(self.superuser, nested), {made[3].pk})
        self.assertEqual(self.found(self.superuser, either, q="组合3"), {made[3].pk})
        three = json.dumps({"m": "and", "c": [{"m": "or", "c": [{"m": "and", "c": []}]}]})
        self.assertIn("最多两层", self.problems(self.superuser, three)[0])

    def test_built_in_fields_and_dynamic_days_can_be_asked_for(self):
        today = {row.pk for row in self.module.model.objects.live()}
        self.assertEqual(self.found(self.superuser, where(("created_at", "on", "today"))), today)
        self.assertEqual(self.found(self.superuser, where(("created_at", "on", "last:7"))), today)
        self.assertEqual(self.found(self.superuser, where(("created_at", "before", "ago:30"))), set())
        self.assertEqual(self.found(self.superuser, where(("created_by", "in", "me"))), set())
        for operand in conditions.catalogue(self.module, self.superuser).values():
            for operator, _, takes in operand.operators:
                values = self.some_values(operand, takes)
                self.found(self.superuser, where((operand.key, operator, *values)))

    @staticmethod
    def some_values(operand, takes: int) -> list[str]:
        if not takes:
            return []
        one = {"number": "1", "count": "1", "date": "week", "person": "subordinates", "department": "mine"}.get(
            operand.kind, "甲"
        )
        if operand.kind == "choice":
            options = operand.options()
            one = str(options[0][0]) if options else "1"
        return [one] * (2 if takes == 2 else 1)

    def test_what_is_not_understood_is_named_and_never_narrows_or_widens(self):
        row = self.make_fields([Type.CHOICE])[Type.CHOICE]
        everything = self.get(self.superuser, self.module.list_url).context["pager"]["count"]
        bad = {
            "不是 JSON": "{",
            "owner__password": where(("owner__password", "contains", "a")),
            "extra": where(("extra", "is", "x")),
            "没有的运算": where((row.key, "startswith", "a")),
            "没有的选项": where((row.key, "in", "77")),
            "缺值": where((row.key, "in")),
            "坏日期": where(("created_at", "on", "2026-99-99")),
            "坏天数": where(("created_at", "on", "last:99999999")),
            "坏结构": json.dumps({"m": "xor", "c": []}),
            "字典值": json.dumps({"m": "and", "c": [{"f": row.key, "o": "in", "v": {"a": 1}}]}),
            "太长": "x" * 9000,
            "太多": where(*[(row.key, "filled")] * 31),
            "脚本": where((XSS, "is", XSS)),
        }
        for name, text in bad.items():
            response = self.get(self.superuser, f"{self.module.list_url}?{urlencode({'where': text})}")
            self.assertTrue(response.context["notices"][0].startswith("高级筛选已忽略"), name)
            self.assertEqual(response.context["pager"]["count"], everything, name)
            self.assertNotIn(XSS, self.body(response))
            refused = self.post(
                self.superuser,
                f"{self.module.bulk_url}delete/",
                {"all": "1", "filter": filters.sign(self.module.name, urlencode({"where": text}))},
            )
            self.assertEqual(refused.status_code, 400, name)
            data = {"filter": filters.sign(self.module.name, urlencode({"where": text})), "format": "csv"}
            self.assertEqual(self.post(self.superuser, self.module.export_url, data).status_code, 422, name)

    def test_hidden_and_masked_fields_cannot_be_asked_for(self):
        for level in (fieldset.HIDDEN, fieldset.MASKED):
            key, person = self.restrict(level)
            self.assertIn("没有", self.problems(person, where((key, "contains", "秘密")))[0])
            self.assertNotIn("自定单行文本", self.body(self.get(person, self.module.url("conditions"))))
            verbs.retire_field(FieldDefinition.objects.get(pk=int(key[1:])), True, by=self.superuser)
            role("sales_manager" if self.module.owned else "admin").employees.remove(person)
            self.mine.refresh_from_db()

    def test_statements_stay_with_five_conditions(self):
        fields = self.make_fields([Type.LINE, Type.NUMBER, Type.CHOICES, Type.DATE, Type.CHECK])
        text = where(
            (fields[Type.LINE].key, "lacks", "x"),
            (fields[Type.NUMBER].key, "empty"),
            (fields[Type.CHOICES].key, "out", "1"),
            (fields[Type.DATE].key, "empty"),
            (fields[Type.CHECK].key, "no"),
        )
        client, counts = client_for(self.editor), []
        url = f"{self.module.list_url}?{urlencode({'where': text})}"
        for _ in range(2):
            client.get(url)
            with CaptureQueriesContext(connection) as queries:
                self.assertGreater(client.get(url).context["pager"]["count"], 0)
            counts.append(len(queries))
            for n in range(10):
                self.make(self.seller, f"条件{len(counts)}-{n}")
        self.assertEqual(counts[0], counts[1])
        self.assertLessEqual(counts[0], 12)

    # Saved views --------------------------------------------------------------------------------------------------------
    def save(self, person, name, query="", **data):
        return self.post(person, f"{self.module.url('views')}new/?{query}", {"name": name, **data})

    def test_a_view_keeps_conditions_order_and_columns_and_shows_only_rows_in_reach(self):
        row = self.make_fields([Type.LINE])[Type.LINE]
        services.update(self.mine, {row.key: "重点"}, version=self.mine.version, by=self.superuser)
        services.update(self.canary, {row.key: "重点"}, version=self.canary.version, by=self.superuser)
        query = urlencode({"where": where((row.key, "is", "重点")), "sort": "-updated_at"})
        self.post(self.superuser, self.module.columns_url, {"columns": [row.key]})
        self.assertEqual(self.save(self.superuser, "重点名单", query, shared="everyone").status_code, 302)
        view = SavedView.objects.get(name="重点名单")
        theirs = self.get(self.editor, f"{self.module.list_url}?view={view.key}")
        self.assertEqual([one["key"] for one in theirs.context["columns"]], [self.module.title_field, row.key])
        wanted = {self.mine.pk} if self.module.owned else {self.mine.pk, self.canary.pk}
        self.assertEqual({one["pk"] for one in theirs.context["rows"]}, wanted)
        self.assertIn("重点名单", [tab["label"] for tab in theirs.context["views"]])
        if self.module.owned:
            self.assert_hidden(theirs)
        token = filters.sign(self.module.name, f"view={view.key}")
        exported = self.body(
            self.post(
                self.editor if self.module.owned else self.superuser,
                self.module.export_url,
                {"filter": token, "format": "csv", "columns": "mine"},
            )
        )
        self.assertEqual(exported.splitlines()[0].count(","), 1)
        self.assertEqual(CANARY in exported, not self.module.owned)

    def test_views_are_shared_with_departments_and_roles_and_changed_by_their_owner_only(self):
        self.save(self.superuser, "给苏州", shared="departments", departments=[self.seller.department_id])
        self.save(self.superuser, "给销售", shared="roles", roles=[role("seller").pk])
        self.save(self.superuser, "私人的")
        seen = {
            person: {v.name for v in saved.Views(self.module, person).views}
            for person in (self.seller, self.mate, self.manager, self.superuser)
        }
        self.assertEqual(seen[self.seller], {"给苏州", "给销售"})
        self.assertEqual(seen[self.mate], {"给销售"})
        self.assertEqual(seen[self.manager], set())
        self.assertEqual(len(seen[self.superuser]), 3)
        for view in SavedView.objects.exclude(name=""):
            for page in ("", "delete/"):
                self.assertEqual(self.get(self.seller, f"{self.module.url('views')}{view.pk}/{page}").status_code, 404)
                self.assertEqual(
                    self.post(self.seller, f"{self.module.url('views')}{view.pk}/{page}", {"name": "抢走"}).status_code,
                    404,
                )
        mine = SavedView.objects.get(name="私人的")
        response = self.get(self.seller, f"{self.module.list_url}?view={mine.key}")
        self.assertIn("没有", response.context["notices"][0])

    def test_names_of_views_are_required_unique_short_and_escaped(self):
        self.assertContains(self.save(self.editor, ""), "请填写名称")
        self.assertContains(self.save(self.editor, "长" * 31), "最多 30 个字")
        self.assertContains(self.save(self.editor, "共享", shared="roles"), "请选择要共享的角色")
        self.assertEqual(self.save(self.editor, XSS).status_code, 302)
        self.assertContains(self.save(self.editor, XSS), "您已有同名的视图")
        self.assertNotIn(XSS, self.body(self.get(self.editor, self.module.list_url)))
        self.assertIn("没有保存", self.body(self.save(self.editor, "坏的", urlencode({"where": "{"}))))

    def test_a_view_whose_field_is_retired_says_so_and_loses_nothing(self):
        row = self.make_fields([Type.LINE])[Type.LINE]
        self.save(self.editor, "将失效", urlencode({"where": where((row.key, "filled"))}))
        view = SavedView.objects.get(name="将失效")
        verbs.retire_field(row, True, by=self.superuser)
        response = self.get(self.editor, f"{self.module.list_url}?view={view.key}")
        self.assertIn("可能已停用", response.context["notices"][0])
        self.assertGreater(response.context["pager"]["count"], 0)
        refused = self.post(
            self.superuser,
            f"{self.module.bulk_url}delete/",
            {"all": "1", "filter": filters.sign(self.module.name, f"view={view.key}")},
        )
        self.assertEqual(refused.status_code, 400)

    def test_tabs_can_be_hidden_ordered_and_one_opens_first(self):
        self.save(self.editor, "先看这个", "sort=-updated_at", default="on")
        view = SavedView.objects.get(name="先看这个")
        self.assertTrue(
            next(tab for tab in self.get(self.editor, self.module.list_url).context["views"] if tab["active"])["saved"]
        )
        keys = [one.key for one in self.module.views]
        data = {"order": [view.key, *reversed(keys)], "shown": [view.key, keys[0]], "default": keys[0]}
        self.assertEqual(self.post(self.editor, self.module.url("views"), data).status_code, 302)
        tabs = self.get(self.editor, self.module.list_url).context["views"]
        self.assertEqual([tab["label"] for tab in tabs], ["先看这个", self.module.views[0].label])
        self.assertTrue(tabs[1]["active"])

    # Totals and chart ---------------------------------------------------------------------------------------------------
    def test_totals_add_up_exactly_what_the_filter_shows(self):
        row = self.make_fields([Type.MONEY])[Type.MONEY]
        for n in range(3):
            record = self.make(self.seller, f"金额{n}")
            services.update(record, {row.key: 0.1}, version=1, by=self.superuser)
        services.update(self.canary, {row.key: 1000}, version=self.canary.version, by=self.superuser)
        self.post(self.editor, self.module.columns_url, {"columns": [row.key]})
        page = self.get(self.editor, self.module.list_url)
        self.assertIn("totals=sum", page.context["tools"]["totals_url"])
        shown = self.get(self.editor, page.context["tools"]["totals_url"], HX_Request="true")
        self.assertContains(shown, "¥0.30" if self.module.owned else "¥1,000.30")
        average = self.get(self.editor, page.context["tools"]["totals_url"].replace("sum", "avg"), HX_Request="true")
        self.assertContains(average, "¥0.10" if self.module.owned else "¥250.08")

    def test_the_chart_counts_only_rows_in_reach(self):
        row = self.make_fields([Type.CHOICE])[Type.CHOICE]
        services.update(self.mine, {row.key: 1}, version=self.mine.version, by=self.superuser)
        services.update(self.canary, {row.key: 2}, version=self.canary.version, by=self.superuser)
        bars = {
            bar["label"]: bar["value"]
            for bar in self.get(self.editor, f"{self.module.url('chart')}?group={row.key}").context["bars"]
        }
        self.assertEqual(bars.get("一期"), 1)
        self.assertEqual(bars.get("二期"), None if self.module.owned else 1)
        for group in self.get(self.editor, self.module.url("chart")).context["groups"]:
            chart = self.get(self.editor, f"{self.module.url('chart')}?group={group.key}").context
            self.assertEqual(
                sum(bar["count"] for bar in chart["bars"]),
                self.get(self.editor, self.module.list_url).context["pager"]["count"],
                group.key,
            )
