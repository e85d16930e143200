"""Rights in words: what a person may do and whose data they see, and why they see one record."""

from dataclasses import dataclass

from crm.records import formatting, modules, params

from . import reach, services, tree
from .models import Role


@dataclass(frozen=True)
class Reason:
    """One thing that lets a person see a record; `kind` = role, team, approval, created, parent, shared."""

    kind: str
    title: str
    text: str


@dataclass(frozen=True)
class Answer:
    """Whether a person sees a record, and all reasons why, or the sentence why not."""

    visible: bool
    reasons: tuple[Reason, ...]
    refusal: str = ""


def reach_words(person, role, module: str) -> str:
    """The reach of one role of a person in a module, with the department it means: 本部门（苏州组）."""
    kind, departments = (Role.Reach.ALL, ()) if role.is_super else role.reach_for(module)
    words = services.describe(kind, departments)
    if kind in (Role.Reach.DEPARTMENT, Role.Reach.DEPARTMENT_BELOW):
        return f"{words}（{tree.name_of(person.department)}）"
    return words


def rights_of(person) -> dict:
    """What the rights page shows: roles, modules with functions and reach, administration functions."""
    held, roles, rows = person.functions(), person.role_list(), []
    for module in modules.ordered():
        actions = [label for key, label in module.permissions if f"{module.name}.{key}" in held]
        if not actions:
            continue
        viewing = [role for role in roles if role.is_super or f"{module.name}.view" in role.permissions]
        row = {"module": module, "actions": actions, "reaches": [], "people": ""}
        if module.owned:
            row["reaches"] = [{"role": role.name, "words": reach_words(person, role, module.name)} for role in viewing]
            rows_of = reach.of(person, module.name)
            row["people"] = (
                "全公司的"
                if rows_of.everything
                else "自己负责的"
                if len(rows_of.owners) == 1
                else f"{len(rows_of.owners):,} 人负责的"
            )
        rows.append(row)
    return {
        "roles": roles,
        "modules": rows,
        "functions": [label for code, label in modules.ADMIN_FUNCTIONS.items() if code in held],
    }


def why(person, module, record, *, asker) -> Answer:
    """Why `person` may view `record` (which `asker` may see). The same conditions as the gate, one by one."""
    if not person.is_active:
        return Answer(False, (), f"{person.name}已停用，不能登录。")
    roles = [role for role in person.role_list() if role.is_super or f"{module.name}.view" in role.permissions]
    if not roles:
        return Answer(False, (), f"{person.name}的角色都没有“{module.label}”的查看权限。")
    visible = module.model.objects.allowed(person, "view").filter(pk=record.pk).exists()
    if not module.owned:
        return Answer(
            visible,
            tuple(
                Reason("shared", f"角色“{role.name}”", f"有“{module.label}”的查看权限，{module.label}全公司共用")
                for role in roles
            ),
        )
    reasons = [
        *_by_reach(person, module, record, roles),
        *_by_grant(person, module, record),
        *_by_creation(person, record),
        *_by_parent(person, module, record, asker),
    ]
    owner = record.owner.name if record.owner_id else "无"
    return Answer(
        visible,
        tuple(reasons) if visible else (),
        "" if visible else f"负责人（{owner}）不在{person.name}的数据权限内，{person.name}也不在相关团队里。",
    )


def _by_reach(person, module, record, roles):
    if record.owner_id is None:
        return
    for role in roles:
        kinds = {(Role.Reach.ALL, ())} if role.is_super else {role.reach_for(module.name)}
        if reach.resolve(person, kinds).includes(record.owner_id):
            own = record.owner_id == person.pk
            text = (
                "本人是负责人"
                if own
                else f"数据权限：{reach_words(person, role, module.name)}，负责人{record.owner.name}在其中"
            )
            yield Reason("role", f"角色“{role.name}”", text)


def _by_grant(person, module, record):
    if module.grant_model is None:
        return
    grants = (
        module.grant_model.objects.current()
        .filter(user=person, content_object=record)
        .select_related("permission", "granted_by")
    )
    for grant in grants:
        right = "读写" if grant.permission.codename.startswith("change_") else "只读"
        until = f"，至 {formatting.day(grant.until)}" if grant.until else "，一直有效"
        giver = f"，由{grant.granted_by.name}添加" if grant.granted_by else ""
        title = "相关团队" if grant.source == "team" else grant.get_source_display()
        yield Reason(grant.source, title, f"{right}{until}{giver}")


def _by_creation(person, record):
    if params.get("created_by_me_visible") and record.created_by_id == person.pk and record.owner_id:
        yield Reason("created", "创建人", "本人创建了这条记录，公司允许创建人始终可见（只读）")


def _by_parent(person, module, record, asker):
    for name in module.parents:
        parent = modules.get(name)
        pk = getattr(record, f"{name}_id")
        seen = parent.model.objects.allowed(person, "view")
        if not params.get("children_follow_parent"):
            seen = seen.filter(owner=person)
        if not record.owner_id or not seen.filter(pk=pk).exists():
            continue
        known = parent.model.objects.allowed(asker, "view").filter(pk=pk).first()
        shown = f"“{parent.title_of(known)}”" if known else ""
        yield Reason(
            "parent", f"所属{parent.label}{shown}", f"看得到所属{parent.label}，就能查看它下面的{module.label}（只读）"
        )
