"""How leads are imported."""

from crm.records import numbering
from crm.records.importing.targets import OWNER, Importer, Target
from customers.importing import HISTORY


class LeadImporter(Importer):
    module = "lead"
    key_label, key_targets, duplicate_message = "线索名称", ("name",), "已有同名线索"
    targets = (
        Target("name", synonyms=("线索", "名称", "机会名称"), example="云澜智造咨询"),
        Target("company", synonyms=("公司名称", "企业名称"), example="云澜智造科技（苏州）有限公司"),
        Target("owner", lookup=OWNER, create=True, synonyms=("业务员", "销售", "跟进人"), note="空着就是您自己"),
        Target("contact_name", synonyms=("姓名", "联系人姓名"), example="许一诺"),
        Target("mobile", synonyms=("手机号",), example="13800000000"),
        Target("phone", synonyms=("座机",), example="0512-65550186"),
        Target("email", synonyms=("电子邮箱",)),
        Target("position", synonyms=("职务",), example="采购经理"),
        Target("province", synonyms=("省份",), example="江苏"),
        Target("city", synonyms=("城市",), example="苏州"),
        Target("address", synonyms=("地址",), example="星湖街 1 号"),
        Target("industry", synonyms=("所属行业",)),
        Target("level", synonyms=("等级",)),
        Target("source", synonyms=("线索来源",)),
        Target("campaign", synonyms=("活动",)),
        Target("chance", synonyms=("成功机率", "成功概率"), example="50"),
        Target("summary", synonyms=("简介",), example="想换掉旧系统"),
        Target("description", synonyms=("描述",), example="现用系统已用六年"),
        Target("next_contact_at", synonyms=("下次跟进时间",), example="2026-01-31 14:00"),
        Target("remark", synonyms=("说明",)),
        *HISTORY,
    )

    def key_fields(self):
        return ("name",)

    def before_create(self, chunk, rows):
        numbers = [""] * len(chunk)
        for row, number in zip(rows, numbering.take("lead", len(rows)), strict=True):
            numbers[row] = number
        chunk.values["number"] = numbers


LEADS = LeadImporter()
