""".docx templates: split runs, repeated rows, text that stays text, files that are refused."""

import io
import zipfile
from xml.dom import minidom

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.paper import docx
from contracts.paper.placeholders import OF_LINE, Filled, sample
from contracts.tests import papers
from contracts.tests.papers import paragraph, row

pytestmark = pytest.mark.django_db


def filled(**values) -> Filled:
    return Filled({"客户名称": "云澜", "金额": "¥1.00", "产品明细": "", **values})


def test_a_placeholder_split_over_runs_is_filled_in_the_first_of_them():
    data = papers.docx(paragraph("甲方：{客", "户名", "称}（以下", "简称{金额}）"))
    assert docx.check(data) == {"客户名称", "金额"}
    made = docx.fill(data, filled())
    assert papers.words(made) == ["甲方：云澜（以下简称¥1.00）"]
    assert papers.part(made).count("<w:b/>") == 4 and 'mc:Ignorable="w14"' in papers.part(made)


def test_a_row_that_names_products_repeats_and_keeps_its_neighbours():
    body = (
        "<w:tbl>" + row("产品", "小计") + row("{序号} {产品名称}", "{小计} {金额}") + row("合计", "{金额}") + "</w:tbl>"
    )
    lines = [{**dict.fromkeys(OF_LINE, ""), "序号": str(n), "产品名称": f"网关{n}", "小计": f"¥{n}"} for n in (1, 2, 3)]
    made = docx.fill(papers.docx(body), Filled(filled().values, lines, OF_LINE))
    assert papers.words(made) == [
        "产品",
        "小计",
        "1 网关1",
        "¥1 ¥1.00",
        "2 网关2",
        "¥2 ¥1.00",
        "3 网关3",
        "¥3 ¥1.00",
        "合计",
        "¥1.00",
    ]
    empty = docx.fill(papers.docx(body), filled())
    assert papers.words(empty)[2:4] == [" ", " ¥1.00"]  # a table keeps a row


def test_the_list_of_products_is_a_table_of_its_own():
    made = docx.fill(papers.docx(paragraph("{产品明细}") + paragraph("完")), sample())
    words = papers.words(made)
    assert words[:3] == ["序号", "产品名称", "产品编码"] and "采集网关" in words and words[-2:] == ["", "完"]
    minidom.parseString(papers.part(made))  # noqa: S318 our own file


def test_values_are_text_and_nothing_else():
    evil = '</w:t></w:r><w:r><w:t>{金额}"><img src=x onerror=1>&amp;\x00\x0b\ud800\ufffe\n第二行'
    made = docx.fill(papers.docx(paragraph("{客户名称}")), filled(客户名称=evil))
    assert papers.words(made) == ['</w:t></w:r><w:r><w:t>{金额}"><img src=x onerror=1>&amp;\n第二行']
    assert papers.part(made).count("<w:r>") == 1


def test_headers_and_text_boxes_are_filled_and_other_parts_stay_byte_for_byte():
    head = papers.document(paragraph("{客户名称}")).replace("w:document", "w:hdr").replace("w:body", "w:x")
    box = f"<w:p><w:r><w:t>外{{金额}}</w:t><w:txbxContent>{paragraph('内{客户名称}')}</w:txbxContent></w:r></w:p>"
    data = papers.docx(box, word__header1_dot_xml=head, word__media__a_dot_png=b"\x89PNG\x00\xff")
    made = docx.fill(data, filled())
    assert papers.words(made, "word/header1.xml") == ["云澜"]
    assert "外¥1.00" in papers.part(made) and "内云澜" in papers.part(made)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.read("word/media/a.png") == b"\x89PNG\x00\xff"


def test_unknown_placeholders_are_named():
    with pytest.raises(ValidationError) as refused:
        docx.check(papers.docx(paragraph("{合同额}", "{客户名称}{{ 7*7 }}")))
    assert refused.value.message_dict == {"file": ["不认识的占位符：{7*7}、{合同额}"]}
    made = docx.fill(papers.docx(paragraph("{客户名称.__class__} {% if %} {{ 7*7 }}")), filled())
    assert papers.words(made) == ["{客户名称.__class__} {% if %} {{ 7*7 }}"]


def bomb() -> bytes:
    return papers.docx("", word__media__a_dot_bin=b"\0" * (40 * 2**20))


RELS = '<Relationships xmlns="x"><Relationship Id="1" Type="{}" Target="http://example.com/" TargetMode="External"/></Relationships>'
BAD = {
    "nothing": b"",
    "text": b"hello",
    "zip": b"PK\x03\x04" + b"x" * 100,
    "old word": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    "bomb": bomb(),
    "too large": b"PK\x03\x04" + b"\0" * (20 * 2**20),
    "macro": papers.docx("", word__vbaProject_dot_bin=b"x"),
    "macro type": papers.docx("").replace(b"x", b"x"),
    "embedded": papers.docx("", word__embeddings__a_dot_bin=b"x"),
    "remote template": papers.docx("", word___rels__settings_dot_xml_dot_rels=RELS.format("http://x/attachedTemplate")),
    "escaping": papers.docx("", **{"..__a": b"x"}),
    "twice": papers.docx("", WORD__document_dot_xml=b"x"),
}
BAD["macro type"] = papers.docx(
    "", **{"[Content_Types]_dot_xml": papers.TYPES.replace("document.main", "document.macroEnabled.main")}
)


def entity(text: str) -> bytes:
    return papers.docx("", word__document_dot_xml=text)


BAD["entities"] = entity('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
BAD["no xml"] = entity("<a><b></a>")
BAD["deep"] = entity("<a>" * 5000 + "</a>" * 5000)
BAD["large part"] = entity("<a>" + "x" * (6 * 2**20) + "</a>")
BAD["encoding"] = entity('<?xml version="1.0" encoding="x-none"?><a/>')


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_honest_template_is_refused_in_words(name):
    with pytest.raises(ValidationError) as refused:
        docx.check(BAD[name])
    assert len(refused.value.message_dict["file"][0]) > 5


def test_a_damaged_file_is_refused_wherever_it_is_damaged():
    data = papers.docx(paragraph("{客户名称}" * 50))
    for place in range(0, len(data), 7):
        broken = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
        try:
            docx.check(broken)
        except ValidationError:
            continue


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(0, 40), max_size=8), st.text(max_size=30))
def test_wherever_the_runs_are_cut_the_text_is_the_same(cuts, value):
    source = "前{客户名称}中{金额}{ 客户名称 }后{不是}"
    places = sorted({min(cut, len(source)) for cut in cuts} | {0, len(source)})
    data = papers.docx(paragraph(*(source[a:b] for a, b in zip(places, places[1:], strict=False))))
    shown = docx.ODD.sub("", value).replace("\r", "")
    made = docx.fill(data, filled(客户名称=value))
    text = "".join(papers.words(made)) if made else ""
    assert text.replace("\t", "").split() == f"前{shown}中¥1.00{shown}后{{不是}}".replace("\t", "").split()
