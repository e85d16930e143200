"""What 公开表单 adds: its message and its place in the navigation."""

from crm.notices import kinds as messages
from crm.records import modules

from . import services  # noqa: F401  declares the limits of the public page

messages.register("lead_form", "公开表单收到线索", "客户与公海", icon="link", order=18)
modules.NAV.append(modules.NavPage("公开表单", "/lead-forms/", "link", "lead.form", order=12))
