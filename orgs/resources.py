"""Departments and employees as tables (django-import-export): one declaration gives the columns of the export, of the
import and of its template."""

from collections import defaultdict

from django.core.exceptions import ValidationError
from import_export import fields, resources

from crm.records import formatting
from crm.records.fields import tidy

from . import services, tree
from .models import Department, Employee, Role

GENDERS = {"男": "m", "女": "f", "": ""}
REQUIRED = ("姓名", "手机号", "部门")


class DepartmentResource(resources.ModelResource):
    """One row per department in tree order."""

    name = fields.Field("name", "名称")
    parent = fields.Field(column_name="上级部门")
    manager = fields.Field(column_name="负责人")
    order = fields.Field("order", "排序")
    people = fields.Field("people", "在职员工")

    class Meta:
        model = Department
        fields = export_order = ("name", "parent", "manager", "order", "people")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.ways = tree.ways()

    def dehydrate_parent(self, department):
        return self.ways.get(department.parent_id, "")

    def dehydrate_manager(self, department):
        return department.manager.name if department.manager_id else ""


class EmployeeResource(resources.ModelResource):
    """One row per employee. Importing only creates: who is already there stands on the settings page."""

    name = fields.Field("name", "姓名")
    phone = fields.Field("phone", "手机号")
    department = fields.Field(column_name="部门")
    position = fields.Field("position", "职位")
    supervisor = fields.Field(column_name="直属上级")
    gender = fields.Field(column_name="性别")
    email = fields.Field("email", "邮箱")
    roles = fields.Field(column_name="角色")
    state = fields.Field(column_name="状态")
    created_at = fields.Field(column_name="创建时间")

    class Meta:
        model = Employee
        import_id_fields = ("phone",)
        fields = export_order = (
            "name",
            "phone",
            "department",
            "position",
            "supervisor",
            "gender",
            "email",
            "roles",
            "state",
            "created_at",
        )
        skip_diff = skip_html_diff = True
        use_transactions = True

    def __init__(self, *, by=None, trial: bool = False, **kwargs):
        """`trial` checks every row and saves none; `by` is who imports."""
        super().__init__(**kwargs)
        self.by, self.trial, self.created = by, trial, []
        self.ways = tree.ways()

    # Export -----------------------------------------------------------------------------------------------------------
    def dehydrate_department(self, person):
        return self.ways.get(person.department_id, "")

    def dehydrate_supervisor(self, person):
        return f"{person.supervisor.name} {person.supervisor.phone}" if person.supervisor_id else ""

    def dehydrate_gender(self, person):
        return person.get_gender_display()

    def dehydrate_roles(self, person):
        return "、".join(role.name for role in person.roles.all())

    def dehydrate_state(self, person):
        return "在职" if person.is_active else "已停用"

    def dehydrate_created_at(self, person):
        return formatting.moment(person.created_at)

    # Import -----------------------------------------------------------------------------------------------------------
    def before_import(self, dataset, **kwargs):
        self.by_way = {_plain(way): pk for pk, way in self.ways.items()}
        self.by_name = defaultdict(list)
        for pk, name in Department.objects.values_list("pk", "name"):
            self.by_name[_plain(name)].append(pk)
        self.by_role = {role.name: role for role in Role.objects.filter(person=None)}

    def get_or_init_instance(self, instance_loader, row):
        return Employee(), True

    def import_instance(self, instance, row, **kwargs):
        """Fill the instance; every fault of the row is told, not only the first."""
        faults = {}
        readers = {
            "name": lambda text: Employee._meta.get_field("name").clean_value(text),
            "phone": lambda text: Employee._meta.get_field("phone").clean_value(text),
            "email": lambda text: Employee._meta.get_field("email").clean_value(text),
            "position": lambda text: Employee._meta.get_field("position").clean_value(text),
            "gender": self._gender,
            "department_id": self._department,
            "supervisor": self._supervisor,
        }
        columns = {"department_id": "部门", "supervisor": "直属上级", "gender": "性别"}
        for name, read in readers.items():
            column = columns.get(name) or self.fields[name].column_name
            try:
                setattr(instance, name, read(tidy(row.get(column))))
            except ValidationError as error:
                faults[name.removesuffix("_id")] = error
        try:
            instance.chosen_roles = self._roles(tidy(row.get("角色")))
        except ValidationError as error:
            faults["roles"] = error
        if faults:
            raise ValidationError({name: error.messages for name, error in faults.items()})

    def validate_instance(self, instance, import_validation_errors=None, validate_unique=True):
        """The rest is checked where it is saved."""
        if import_validation_errors:
            raise ValidationError(import_validation_errors)

    def save_instance(self, instance, is_create, row, **kwargs):
        password = services.create_employee(instance, roles=instance.chosen_roles, by=self.by, trial=self.trial)
        self.created.append((instance, password))

    def save_m2m(self, instance, row, **kwargs):
        """Roles were set with the employee."""

    @staticmethod
    def _gender(text):
        if text not in GENDERS:
            raise ValidationError("请填写“男”或“女”")
        return GENDERS[text]

    def _department(self, text):
        if not text:
            raise ValidationError("请填写部门")
        key = _plain(text)
        if key in self.by_way:
            return self.by_way[key]
        found = self.by_name.get(key, [])
        if len(found) > 1:
            raise ValidationError(f"有 {len(found)} 个部门叫“{text}”，请写全，如“{self.ways[found[0]]}”")
        if not found:
            raise ValidationError(f"没有部门“{text[:50]}”")
        return found[0]

    @staticmethod
    def _supervisor(text):
        """By phone, by name, or by "name phone" as the export writes it."""
        if not text:
            return None
        phones = [part for part in text.split() if part.isdigit() and len(part) == 11]
        rows = Employee.objects.filter(is_active=True)
        found = list(rows.filter(phone=phones[0])[:1] if phones else rows.filter(name=text)[:2])
        if len(found) > 1:
            raise ValidationError(f"有几位同事叫“{text}”，请填写手机号")
        if not found:
            raise ValidationError(f"没有在职的同事“{text[:50]}”；同一个文件里，上级要写在前面的行")
        return found[0]

    def _roles(self, text):
        names = [part.strip() for part in text.replace(",", "、").replace("，", "、").split("、") if part.strip()]
        if names and not (self.by is None or self.by.has_function("admin.roles")):
            raise ValidationError("您没有“角色”管理功能，角色列请留空")
        if unknown := [name for name in names if name not in self.by_role]:
            raise ValidationError(f"没有角色“{unknown[0][:50]}”")
        return [self.by_role[name] for name in dict.fromkeys(names)]


def _plain(way: str) -> str:
    return "/".join(part.strip() for part in way.split("/")).casefold()
