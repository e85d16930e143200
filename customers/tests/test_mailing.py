"""Letters to customers: who may send them to whom, what they say, that each goes out once."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile

from crm.notices import delivery
from crm.notices.models import Delivery
from crm.records import jobs, modules, params, services
from crm.records.models import Job, OperationLog, Selection
from customers.mailing import merge
from customers.mailing import services as mailing
from customers.models import Contact, Customer, Mailing, MailingRecipient, MailOptOut
from customers.models.mailing import address_key
from orgs.models import Role
from orgs.tests.factories import client_for, department, employee

from .mailing import TOKEN, begin, customer, send_all, states

pytestmark = pytest.mark.django_db
XSS = '"><img src=x onerror=1>'


@pytest.fixture
def seller():
    return employee("甲", ["seller"], department("华东"), email="jia@kaihai.example")


def limited(**levels):
    """A role that may send letters, with these levels of the contact's or customer's fields."""
    base = Role.objects.get(code="seller")
    rights = {}
    for key, level in levels.items():
        module, _, field = key.partition("_")
        rights.setdefault(module, {})[field] = level
    return Role.objects.create(name="受限", permissions=base.permissions, reach="self", field_rights=rights)


def page(client, *records, module="customer", **more):
    ids = ",".join(str(record.pk) for record in records)
    data = {"ids": ids, "token": TOKEN, "subject": "您好", "body": "正文", "who": "primary", **more}
    return client.post(f"/{module}s/mail/", data)


# Sending ----------------------------------------------------------------------------------------------------------------
def test_a_letter_reaches_each_primary_contact_with_its_own_values(seller, post_office):
    first, second = customer(seller), customer(seller, "乙公司", email="han@example.com", contact="韩梅")
    made = begin(seller, first, second, subject="致{{客户名称}}", body="{{联系人姓名}}，您好\n{{负责人}} {{公司名称}}")
    send_all()
    assert [(one.subject, one.to) for one in post_office] == [
        ("致甲公司", ["li@example.com"]),
        ("致乙公司", ["han@example.com"]),
    ]
    assert post_office[1].body.startswith("韩梅，您好\n甲 ")
    assert post_office[0].reply_to == [] and post_office[0].extra_headers["Reply-To"].endswith("<jia@kaihai.example>")
    assert states(made) == ["sent", "sent"] and Job.objects.get(pk=made.job_id).result == {"queued": 2, "dropped": 0}


def test_every_letter_can_be_unsubscribed_from(seller, post_office):
    begin(seller, customer(seller))
    send_all()
    letter = post_office[0]
    link = letter.extra_headers["List-Unsubscribe"].strip("<>")
    assert link.startswith("https://crm.example.com/unsubscribe/") and link in letter.body
    assert letter.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f'href="{link}"' in letter.alternatives[0].content


def test_a_letter_leaves_one_log_row_at_the_customer_and_one_at_each_contact(seller, post_office):
    made = customer(seller)
    Contact.objects.create(customer=made, owner=seller, name="王五", email="wang@example.com")
    begin(seller, made, who="all", subject="新年好")
    rows = OperationLog.objects.filter(code="customer.mailed")
    assert [(row.object_id, row.text, row.actor) for row in rows] == [(made.pk, "发送邮件：新年好", seller)]
    assert OperationLog.objects.filter(code="contact.mailed").count() == 2


def test_files_go_along_and_bad_ones_are_refused(seller, post_office):
    good, bad = SimpleUploadedFile("价目.txt", b"a"), SimpleUploadedFile("a.pdf", b"MZ")
    begin(seller, customer(seller), files=[good])
    send_all()
    assert post_office[0].attachments[0][:2] == ("价目.txt", "a")
    other = customer(seller, "乙公司", email="b@example.com")
    for files, words in (
        ([bad], "不符"),
        ([SimpleUploadedFile("a.txt", b"x") for _ in range(6)], "最多 5 个"),
        ([SimpleUploadedFile("a.txt", b"x" * (10 * 2**20 + 1))], "不能超过 10 MB"),
    ):
        with pytest.raises(ValidationError, match=words):
            begin(seller, other, files=files, token="b" * 32)
    assert Mailing.objects.count() == 1


def test_one_page_confirmed_twice_sends_once(seller, post_office):
    client, made = client_for(seller), customer(seller)
    answers = [page(client, made) for _ in range(2)]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert Mailing.objects.count() == 1 == MailingRecipient.objects.count()


def test_a_job_run_twice_queues_once(seller, post_office):
    made = begin(seller, customer(seller))
    Job.objects.filter(pk=made.job_id).update(state="queued")
    jobs.execute(made.job_id)
    assert Delivery.objects.count() == 1


def test_ten_thousand_recipients_take_statements_by_the_chunk(seller, post_office, django_assert_max_num_queries):
    params.store("mail_per_day", 50_000)
    made = [Customer(name=f"公司{n}", owner=seller, created_by=seller) for n in range(10_000)]
    made = Customer.objects.bulk_create(made, batch_size=1000)
    Contact.objects.bulk_create(
        [
            Contact(customer=one, owner=seller, name="联系人", email=f"c{n}@example.com", is_primary=True)
            for n, one in enumerate(made)
        ],
        batch_size=1000,
    )
    with django_assert_max_num_queries(130):
        sent = mailing.begin(
            "customer", [one.pk for one in made], who="primary", subject="您好", body="正文", token=TOKEN, by=seller
        )
    with django_assert_max_num_queries(21 * 40):
        jobs.execute(sent.job_id)
    assert sent.total == 10_000 == Delivery.objects.filter(kind="mailing").count()
    assert OperationLog.objects.filter(code="customer.mailed").count() == 10_000


def test_letters_are_spaced_over_the_minutes(seller, post_office):
    params.store("mail_per_minute", 2)
    begin(seller, customer(seller), customer(seller, "乙", email="b@example.com"))
    begin(seller, customer(seller, "丙", email="c@example.com"), token="b" * 32)
    slots = list(Delivery.objects.order_by("pk").values_list("next_at", flat=True))
    assert [round((slot - slots[0]).total_seconds()) for slot in slots] == [0, 30, 60]


def test_nobody_sends_more_than_the_cap_of_a_day(seller, post_office):
    params.store("mail_per_day", 1)
    begin(seller, customer(seller))
    with pytest.raises(ValidationError, match="今天还能发 0 封"):
        begin(seller, customer(seller, "乙", email="b@example.com"), token="b" * 32)
    assert page(client_for(seller), Customer.objects.last(), token="c" * 32).status_code == 422


@pytest.mark.parametrize("gone", ["SMTP_HOST", "PUBLIC_URL"])
def test_without_a_mail_server_or_an_address_nothing_is_queued(seller, post_office, settings, gone):
    setattr(settings, gone, "")
    made, client = customer(seller), client_for(seller)
    shown = client.get(f"/customers/mail/?ids={made.pk}").content.decode()
    assert "不能" in shown and "请联系系统管理员" in shown and "disabled" in shown
    assert page(client, made).status_code == 422
    assert not Mailing.objects.exists() and not Delivery.objects.exists()


# Who gets it ------------------------------------------------------------------------------------------------------------
def test_those_left_out_are_explained(seller, post_office):
    rows = [
        customer(seller, "好", email="li@example.com"),
        customer(seller, "没有", email=""),
        customer(seller, "重复", email="LI@example.com"),
        customer(seller, "退订", email="out@example.com"),
        customer(seller, "坏", email="ok@example.com"),
    ]
    Contact.objects.filter(email="ok@example.com").update(email="not an address")
    MailOptOut.objects.create(address="Out@example.com", address_key=address_key("Out@example.com"))
    stranger = customer(employee("丙"), "别人的", email="x@example.com")
    made = begin(seller, *rows, stranger)
    assert made.total == 1 and made.recipients.get().address == "li@example.com"
    assert made.excluded == {"none": 1, "double": 1, "optout": 1, "invalid": 1, "scope": 1}
    shown = client_for(seller).get(f"/customers/mail/?ids={','.join(str(row.pk) for row in rows)}").content.decode()
    assert all(words in shown for words in ("没有邮箱", "邮箱重复", "已退订", "邮箱格式不正确", "发送给 1 人"))


def test_all_contacts_with_an_address_or_the_primary_one(seller, post_office):
    made = customer(seller)
    Contact.objects.create(customer=made, owner=seller, name="王五", email="wang@example.com")
    Contact.objects.create(customer=made, owner=seller, name="无邮箱")
    assert begin(seller, made).total == 1
    assert begin(seller, made, who="all", token="b" * 32).total == 2


def test_contacts_are_written_to_from_their_own_list(seller, post_office):
    made = customer(seller)
    contact = made.contacts.get()
    answer = page(client_for(seller), contact, module="contact", subject="致{{联系人姓名}}", body="{{客户名称}}")
    assert answer.status_code == 302
    jobs.execute(Mailing.objects.get().job_id)
    send_all()
    assert (post_office[0].subject, post_office[0].body[:3]) == ("致李雷", "甲公司")


def test_a_seller_of_another_department_reaches_nobody_by_address_or_body(seller, post_office):
    made, stranger = customer(seller), employee("丙", ["seller"], department("华南"))
    client = client_for(stranger)
    contact = made.contacts.get()
    assert client.get(f"/customers/mail/?ids={made.pk}").status_code == 404
    assert client.get(f"/contacts/mail/?ids={contact.pk}").status_code == 404
    assert page(client, made).status_code == 404 and page(client, contact, module="contact").status_code == 404
    own = customer(stranger, "自己的", email="own@example.com")
    page(client, own, made)
    assert [one.address for one in MailingRecipient.objects.all()] == ["own@example.com"]
    token = Selection.objects.create(user=seller, module="customer", action="mail", rows=[[made.pk, 1]]).token
    assert client.get(f"/customers/mail/?selection={token}").status_code == 302
    with pytest.raises(ValidationError, match="没有可以收信"):
        begin(stranger, made, token="c" * 32)


def test_who_lost_the_function_cannot_send(seller, post_office):
    made = customer(seller)
    plain = Role.objects.create(
        name="不发邮件", permissions=[one for one in Role.objects.get(code="seller").permissions if "mail" not in one]
    )
    other = employee("丁", [plain])
    client = client_for(other)
    assert client.get("/customers/mail/?ids=1").status_code == 403 == page(client, made).status_code
    with pytest.raises(PermissionDenied):
        begin(other, made)
    assert "发送邮件" not in client.get("/customers/").content.decode()


def test_the_built_in_roles_that_write_to_customers_write_to_contacts():
    for role in Role.objects.exclude(code=""):
        assert ("customer.mail" in role.permissions) == ("contact.mail" in role.permissions), role.name
    assert employee("甲", ["seller"]).has_function("contact.mail")
    assert not employee("乙", ["finance"]).has_function("customer.mail")


# Between confirming and leaving -----------------------------------------------------------------------------------------
def told(made) -> list[tuple]:
    return list(made.recipients.order_by("pk").values_list("delivery__state", "delivery__error"))


@pytest.mark.parametrize(
    "change,why",
    [
        (lambda c: MailOptOut.objects.create(address="x", address_key=address_key("li@example.com")), "对方已退订"),
        (lambda c: Contact.objects.filter(customer=c).update(email="neu@example.com"), "改过"),
        (lambda c: Customer.objects.filter(pk=c.pk).update(owner=employee("丙")), "不在发送人的数据范围内"),
        (lambda c: services.delete(Contact.objects.filter(customer=c), by=c.owner), "已删除"),
        (lambda c: Mailing.objects.update(stopped_at="2026-01-01T00:00Z"), "已停止"),
        (lambda c: type(c.owner).objects.filter(pk=c.owner_id).update(is_active=False), "停用"),
    ],
    ids=["opted out", "other address", "other owner", "recycle bin", "stopped", "disabled"],
)
def test_what_changed_since_the_confirmation_keeps_a_letter_back(seller, post_office, change, why):
    one = customer(seller)
    made = begin(seller, one)
    change(one)
    send_all()
    state, error = told(made)[0]
    assert state == "dropped" and why in error and post_office == []


def test_rows_lost_before_the_job_ran_are_reported(seller, post_office):
    one, two = customer(seller), customer(seller, "乙", email="b@example.com")
    made = mailing.begin(
        "customer", [one.pk, two.pk], who="primary", subject="您好", body="正文", token=TOKEN, by=seller
    )
    services.delete(Customer.objects.filter(pk=one.pk), by=seller)
    jobs.execute(made.job_id)
    assert made.recipients.get(customer=one).state == "dropped" and Delivery.objects.count() == 1
    assert Job.objects.get(pk=made.job_id).result == {"queued": 1, "dropped": 1}
    assert not OperationLog.objects.filter(code="customer.mailed", object_id=one.pk).exists()


def test_stopping_keeps_the_rest_here_and_what_left_stays_sent(seller, post_office):
    made = begin(seller, customer(seller), customer(seller, "乙", email="b@example.com"))
    delivery.deliver(Delivery.objects.order_by("pk").first().pk)
    client = client_for(seller)
    assert "还有 1 封" in client.get(f"/mailings/{made.pk}/stop/").content.decode()
    client.post(f"/mailings/{made.pk}/stop/")
    client.post(f"/mailings/{made.pk}/stop/")
    send_all()
    assert states(made) == ["sent", "dropped"] and len(post_office) == 1
    shown = client.get(f"/mailings/{made.pk}/").content.decode()
    assert "已停止" in shown and "甲停止了发送" in shown and "重发失败的" not in shown


def test_failed_ones_go_again_and_uncertain_ones_never(seller, post_office):
    made = begin(seller, customer(seller), customer(seller, "乙", email="b@example.com"))
    first, second = Delivery.objects.order_by("pk")
    Delivery.objects.filter(pk=first.pk).update(state="failed", error="满了", attempts=5)
    Delivery.objects.filter(pk=second.pk).update(state="unknown")
    client = client_for(seller)
    assert "重发（1 封）" in client.get(f"/mailings/{made.pk}/resend/").content.decode()
    client.post(f"/mailings/{made.pk}/resend/")
    send_all()
    assert states(made) == ["sent", "unknown"] and post_office[0].to == ["li@example.com"]
    assert client.post(f"/mailings/{made.pk}/resend/").status_code == 422


def test_the_recipients_know_how_it_ended_when_the_outbox_has_forgotten(seller, post_office):
    made = begin(seller, customer(seller))
    send_all()
    assert mailing.keep_states() == 1 and mailing.keep_states() == 0
    Delivery.objects.all().delete()
    assert made.recipients.get().state == "sent" and made.recipients.get().sent_at
    assert "已完成" in client_for(seller).get("/mailings/").content.decode()


# Merge fields ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text,named",
    [
        ("{{owner.password}}", "owner.password"),
        ("{{客户名称.__class__}}", "客户名称.__class__"),
        ("{{}}", "空"),
        ("{{联系人 不知道|x}}", "联系人 不知道"),
        ("{{客户名称", "配成对"),
        ("客户名称}}", "配成对"),
    ],
)
def test_unknown_fields_are_named_and_refused(seller, post_office, text, named):
    one = customer(seller)
    for values in ({"body": text}, {"subject": text}):
        answer = page(client_for(seller), one, **values)
        assert answer.status_code == 422 and named in answer.content.decode()
    assert not Mailing.objects.exists()


def test_values_are_inserted_as_plain_text_and_never_read_again(seller, post_office):
    begin(
        seller,
        customer(seller, "{{负责人}}" + XSS, contact="{% now 'Y' %}"),
        subject="{{客户名称}}",
        body="{{客户名称}}|{{联系人姓名}}|{% raw %}{% csrf_token %}",
    )
    send_all()
    letter = post_office[0]
    assert letter.subject == "{{负责人}}" + XSS
    assert letter.body.startswith("{{负责人}}" + XSS + "|{% now 'Y' %}|{% raw %}{% csrf_token %}")
    html = letter.alternatives[0].content
    assert "<img" not in html and "&lt;img src=x onerror=1&gt;" in html


def test_no_header_can_be_added_by_a_subject_or_a_value(seller, post_office):
    one = customer(seller)
    Contact.objects.filter(customer=one).update(name="李雷\r\nBcc: x@evil.example")
    begin(seller, one, subject="致{{联系人姓名}}\r\nBcc: y@evil.example")
    send_all()
    letter = post_office[0].message()
    assert letter["Bcc"] is None and "\n" not in post_office[0].subject
    assert post_office[0].recipients() == ["li@example.com"]


def test_words_behind_the_bar_stand_in_for_an_empty_value(seller, post_office):
    begin(seller, customer(seller), body="{{联系人姓名|您}}{{联系人尊称 | 先生/女士}}")
    send_all()
    assert post_office[0].body.startswith("李雷先生/女士\n")


def test_links_are_links_only_where_the_author_wrote_them(seller, post_office):
    begin(seller, customer(seller, "www.evil.example"), body="https://kaihai.example/a {{客户名称}}")
    send_all()
    html = post_office[0].alternatives[0].content
    assert 'href="https://kaihai.example/a"' in html and 'href="http://www.evil' not in html


@pytest.mark.parametrize("level", [0, 1], ids=["hidden", "masked"])
def test_a_field_the_sender_cannot_read_is_refused_by_name_and_never_leaves(post_office, level):
    person = employee("甲", [limited(customer_remark=level, contact_mobile=level)])
    one = customer(person, remark="金丝雀备注")
    Contact.objects.filter(customer=one).update(mobile="13812345678")
    client = client_for(person)
    for text, name in (("{{备注}}", "备注"), ("{{联系人手机}}", "联系人手机")):
        for button in ({}, {"preview": "1"}):
            shown = page(client, one, body=text, **button).content.decode()
            assert f"“{name}”" in shown and "金丝雀" not in shown and "13812345678" not in shown
    fields = merge.Fields("customer", person)
    assert "备注" not in fields.by_name and "客户行业" in fields.by_name
    assert not Mailing.objects.exists()


def test_a_right_taken_away_after_the_confirmation_keeps_the_letter_back(post_office):
    role = limited()
    person = employee("甲", [role])
    made = begin(person, customer(person, remark="金丝雀备注"), body="{{备注}}")
    role.field_rights = {"customer": {"remark": 0}}
    role.save()
    send_all()
    assert told(made)[0][0] == "dropped" and post_office == []


@pytest.mark.parametrize("level", [0, 1], ids=["hidden", "masked"])
def test_who_cannot_read_addresses_cannot_write_to_them(post_office, level):
    person = employee("甲", [limited(contact_email=level)])
    one = customer(person, email="canary@example.com")
    client = client_for(person)
    for answer in (client.get(f"/customers/mail/?ids={one.pk}"), page(client, one)):
        assert answer.status_code == 403 and "canary@" not in answer.content.decode()


def test_a_preview_shows_the_first_the_next_and_the_last(seller, post_office):
    rows = [customer(seller, XSS), customer(seller, "乙公司😀", email="b@example.com", contact="=1+1")]
    client = client_for(seller)
    first = page(client, *rows, body="致{{客户名称}}", preview="1").content.decode()
    assert "第 1 / 2 封" in first and "<img src=x" not in first and "&lt;img" in first
    second = page(client, *rows, body="致{{客户名称}}{{联系人姓名}}", preview="1", at="2").content.decode()
    assert "致乙公司😀=1+1" in second and "第 2 / 2 封" in second
    assert "第 2 / 2 封" in page(client, *rows, preview="1", at="99").content.decode()
    assert not Mailing.objects.exists()


@pytest.mark.parametrize(
    "values,words",
    [
        ({"subject": ""}, "请填写主题"),
        ({"subject": "长" * 151}, "最多 150 个字"),
        ({"body": "长" * 10_001}, "最多 10000 个字"),
        ({"body": " \n "}, "请填写正文"),
        ({"who": "everybody"}, "请选择列表中的选项"),
    ],
)
def test_bad_input_is_refused_with_its_sentence_and_stays_on_the_page(seller, post_office, values, words):
    answer = page(client_for(seller), customer(seller), **values)
    assert answer.status_code == 422 and words in answer.content.decode()
    assert not Mailing.objects.exists()


def test_ten_thousand_characters_emoji_and_formulas_arrive_as_they_are(seller, post_office):
    body = "长" * 9_990 + "😀=1+1"
    begin(seller, customer(seller), subject="=1+1😀", body=body)
    send_all()
    assert post_office[0].subject == "=1+1😀" and post_office[0].body.startswith(body)


def test_the_module_of_every_mailing_is_one_that_offers_letters():
    for name in ("customer", "contact"):
        assert [bulk.page for bulk in modules.get(name).bulk if bulk.key == "mail"] == [f"/{name}s/mail/"]
