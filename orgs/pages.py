"""The pages of 系统管理: who may open which. Modules above add theirs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """`function` opens the page; `text` is the sentence on the index."""

    function: str
    label: str
    url: str
    icon: str
    text: str


PAGES = [
    Page("admin.org", "部门", "/settings/departments/", "department", "部门树、负责人、移动和删除"),
    Page("admin.org", "员工", "/settings/employees/", "team", "账号、部门、上级、停用与导入"),
    Page("admin.org", "离职交接", "/settings/handovers/", "transfer", "把离职员工名下的记录交给同事，可定时，可撤销"),
    Page("admin.roles", "角色", "/settings/roles/", "shield", "能做什么、看到谁的数据、管理功能"),
    Page(
        "admin.fields", "自定义字段", "/settings/fields/", "columns", "各模块的字段：新增、改名、必填、隐藏、顺序、索引"
    ),
    Page("admin.dictionary", "数据字典", "/settings/dictionaries/", "list", "下拉选项的值、顺序和默认"),
    Page("admin.dictionary", "标签", "/settings/tags/", "tag", "各模块的标签：名称、颜色、顺序、合并和删除"),
    Page(
        "admin.sales",
        "编号规则",
        "/settings/numbering/",
        "list",
        "线索、报价单、合同、回款、发票的编号怎么组成、何时重新开始",
    ),
    Page("admin.settings", "系统参数", "/settings/parameters/", "settings", "重名规则、可见性、导出和保留天数"),
    Page("admin.settings", "邮件服务器", "/settings/mail/", "mail", "SMTP 设置和测试邮件"),
    Page("admin.settings", "退订名单", "/settings/optouts/", "mail", "不想再收到邮件的邮箱；要求恢复时取消"),
    Page("admin.settings", "发件箱", "/settings/outbox/", "upload", "邮件和机器人消息的状态、错误和重发"),
    Page("admin.settings", "群机器人", "/settings/robots/", "chat", "把消息发到企业微信、钉钉和飞书的群"),
    Page("admin.log", "登录日志", "/settings/signins/", "key", "谁在什么时候从哪里登录，成功或失败"),
    Page("admin.log", "系统日志", "/settings/log/", "clock", "组织、角色、字典和参数的每次改动"),
    Page("admin.log", "导出记录", "/settings/exports/", "download", "谁在什么时候导出了什么、多少行"),
    Page("admin.jobs", "后台任务", "/jobs/", "job", "导入、导出和定时任务"),
]


def open_to(user) -> list[Page]:
    """The pages this person's functions open."""
    return [page for page in PAGES if user.has_function(page.function)]
