"""What names, numbers and domains are compared by."""

import pytest

from customers.duplicates import names
from customers.duplicates.finding import understand


@pytest.mark.parametrize(
    "name,stem",
    [
        ("云澜智造科技（苏州）有限公司", "云澜智造科技"),
        ("云澜智造科技(苏州)股份有限公司", "云澜智造科技"),
        (" 云澜 智造科技 集团 ", "云澜智造科技"),
        ("ＡＢＣ科技", "abc科技"),
        ("Acme Robotics Co., Ltd.", "acmerobotics"),
        ("Zinc", "zinc"),
        ("有限公司", "有限公司"),
        ("甲公司", "甲"),
        ("🚀火箭", "🚀火箭"),
        ("=1+1", "=1+1"),
        ("", ""),
    ],
)
def test_the_stem_leaves_out_what_companies_share(name, stem):
    assert names.stem(name) == stem


@pytest.mark.parametrize(
    "name,core",
    [
        ("江苏省苏州市云澜智造科技有限公司", "云澜智造科技"),
        ("苏州云澜智造科技", "云澜智造科技"),
        ("中国石油化工", "石油化工"),
        ("北京银行", "北京银行"),  # two characters would say nothing
        ("云澜智造科技", "云澜智造科技"),
    ],
)
def test_places_in_front_are_weak_evidence(name, core):
    assert names.core(name) == core


def test_one_character_is_compared_with_nothing_and_long_names_are_cut():
    assert names.name_stem("甲公司") is None
    assert len(names.name_stem("长" * 10_000)) == names.KEPT


@pytest.mark.parametrize(
    "text,number",
    [
        ("139 1111-2222", "13911112222"),
        ("+86 139 1111 2222", "13911112222"),
        ("008613911112222", "13911112222"),
        ("１３９１１１１２２２２", "13911112222"),
        ("0512-6555 0186", "051265550186"),
        ("655501", ""),
        (None, ""),
    ],
)
def test_numbers_are_compared_by_their_digits(text, number):
    assert names.number(text) == number


@pytest.mark.parametrize(
    "text,domain",
    [
        ("http://www.yunlan.com/about?x=1", "yunlan.com"),
        ("sales@mail.yunlan.com.cn", "yunlan.com.cn"),
        ("YUNLAN.COM:8080", "yunlan.com"),
        ("a@qq.com", None),
        ("a@vip.163.com", None),
        ("https://yunlan.1688.com", None),
        ("云澜智造", None),
        ("1.5", None),
        ("javascript:alert(1)", None),
        ("", None),
    ],
)
def test_public_mail_and_shop_domains_say_nothing(text, domain):
    assert names.domain(text) == domain


@pytest.mark.parametrize(
    "text,kind,value,refusal",
    [
        ("139-1111 2222", "phone", "13911112222", ""),
        ("13911", "phone", "", "电话请输入完整的号码，至少 7 位数字。"),
        ("li@yunlan.com", "domain", "yunlan.com", ""),
        ("li@qq.com", "domain", "", "qq.com 是公共的邮箱或平台，不能用来查重，请输入企业自己的域名。"),
        ("云澜科技有限公司", "name", "云澜科技", ""),
        ("甲", "name", "", "名称请至少输入 2 个字。"),
        ("   ", "", "", ""),
        ("\x00", "", "", ""),
    ],
)
def test_the_box_says_what_it_understood(text, kind, value, refusal):
    query = understand(text)
    assert (query.kind, query.value, query.refusal) == (kind, value, refusal)
    assert bool(query.words) == bool(value)
