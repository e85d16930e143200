"""Departments, employees (the user model), roles, sign-in records."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from crm.records.fields import Email, Mobile, Text

from . import reach
from .devices import device_name


class Department(models.Model):
    """A node of the organisation tree. `path` is the ids from the top ("/1/4/9/"): everything below is one prefix."""

    name = Text("名称", max_length=50, blank=False)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="上级部门"
    )
    path = models.CharField(max_length=2000, editable=False, db_index=True)
    manager = models.ForeignKey(
        "orgs.Employee", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name="负责人"
    )
    order = models.PositiveIntegerField("排序", default=0)

    class Meta:
        verbose_name = "部门"
        ordering = ["order", "pk"]
        indexes = [models.Index("path", name="department_path_prefix")]
        constraints = [
            models.UniqueConstraint(
                fields=["parent", "name"], name="department_name", violation_error_message="同一上级部门下已有同名部门"
            )
        ]

    def __str__(self):
        return self.name

    @property
    def depth(self) -> int:
        return self.path.count("/") - 2


class EmployeeManager(BaseUserManager):
    def get_by_natural_key(self, username):
        return self.get(phone=username)


class Role(models.Model):
    """Operation permissions + a data scope. `permissions` = ["customer.view", ...]; `departments` = ids for 自定义;
    `overrides` = {module: {"reach": ..., "departments": [...]}}; `field_rights` = {module: {field key: level}}; `person` is set on a personal role (only they may have it)."""

    class Reach(models.TextChoices):
        SELF = "self", "本人"
        SUBORDINATES = "subordinates", "本人及下属"
        DEPARTMENT = "department", "本部门"
        DEPARTMENT_BELOW = "department_below", "本部门及下属部门"
        CUSTOM = "custom", "自定义"
        ALL = "all", "全部"

    name = Text("名称", max_length=50, blank=False)
    code = models.CharField(max_length=30, blank=True, editable=False)
    description = Text("说明", max_length=200)
    permissions = models.JSONField("操作权限", default=list, blank=True)
    reach = models.CharField("数据权限", max_length=20, choices=Reach.choices, default=Reach.SELF)
    departments = models.JSONField("部门", default=list, blank=True)
    overrides = models.JSONField("模块数据权限", default=dict, blank=True)
    order = models.PositiveIntegerField("排序", default=100)
    person = models.ForeignKey(
        "orgs.Employee", models.CASCADE, null=True, blank=True, editable=False, related_name="+", verbose_name="专用于"
    )
    field_rights = models.JSONField("字段权限", default=dict, blank=True)
    version = models.PositiveIntegerField("版本", default=1, editable=False)

    SUPER = "super"

    class Meta:
        verbose_name = "角色"
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["name"], name="role_name", violation_error_message="已有同名角色"),
            models.UniqueConstraint(fields=["code"], condition=~models.Q(code=""), name="role_code"),
        ]

    def __str__(self):
        return self.name

    @property
    def is_super(self) -> bool:
        return self.code == self.SUPER

    def reach_for(self, module: str) -> tuple[str, tuple[int, ...]]:
        """(reach, chosen departments) of this role in a module."""
        own = self.overrides.get(module) or {"reach": self.reach, "departments": self.departments}
        return own["reach"], tuple(own.get("departments") or ())


class Employee(AbstractBaseUser):
    """An employee; signs in by phone. Never deleted, only disabled."""

    class Gender(models.TextChoices):
        MALE = "m", "男"
        FEMALE = "f", "女"

    phone = Mobile("手机号", blank=False, unique=True, error_messages={"unique": "该手机号已被使用"})
    name = Text("姓名", max_length=50, blank=False)
    gender = models.CharField("性别", max_length=1, choices=Gender.choices, blank=True)
    email = Email("邮箱")
    department = models.ForeignKey(Department, models.PROTECT, related_name="employees", verbose_name="部门")
    position = Text("职位", max_length=50)
    supervisor = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="subordinates", verbose_name="直属上级"
    )
    roles = models.ManyToManyField(Role, related_name="employees", verbose_name="角色", blank=True)
    is_active = models.BooleanField("启用", default=True)
    must_change_password = models.BooleanField("首次登录须改密码", default=False, editable=False)
    pinyin = models.CharField(max_length=200, editable=False, default="")
    created_at = models.DateTimeField("创建时间", default=timezone.now, editable=False)
    disabled_at = models.DateTimeField("停用时间", null=True, editable=False)

    objects = EmployeeManager()
    USERNAME_FIELD = "phone"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        verbose_name = "员工"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                models.functions.Lower("email"),
                condition=~models.Q(email=""),
                name="employee_email",
                violation_error_message="该邮箱已被使用",
            )
        ]

    def __str__(self):
        return self.name

    def clean(self):
        super().clean()
        if self.supervisor_id and self.pk and self.supervisor_id in reach.below(self.pk):
            raise ValidationError({"supervisor": "直属上级不能是本人或本人的下属。"})

    def validate_constraints(self, exclude=None):
        """The only constraint beyond the phone is the unique e-mail address: its message belongs to that field."""
        try:
            super().validate_constraints(exclude=exclude)
        except ValidationError as error:
            raise ValidationError({"email": error.messages}) from None

    # What crm.records asks of a user ----------------------------------------------------------------------------------
    @property
    def card_url(self) -> str:
        return f"/people/{self.pk}/"

    @property
    def initial(self) -> str:
        return self.name[:1]

    @property
    def department_name(self) -> str:
        return self.department.name if self.department_id else ""

    def role_list(self) -> list[Role]:
        """The roles, read once per request."""
        if not hasattr(self, "_roles"):
            self._roles = list(self.roles.all())
        return self._roles

    @property
    def is_super(self) -> bool:
        return any(role.is_super for role in self.role_list())

    def functions(self) -> frozenset[str]:
        """Every function of every role ("customer.export", "admin.org", ...)."""
        if not hasattr(self, "_functions"):
            self._functions = reach.functions_of(self)
        return self._functions

    def has_function(self, code: str) -> bool:
        return self.is_active and code in self.functions()

    def scope_for(self, function: str):
        """Reach of this person for a function such as "customer.edit", or None when the function is not held."""
        if not self.has_function(function):
            return None
        return reach.of(self, function.split(".")[0])

    def field_levels(self, module: str) -> dict[str, int]:
        """{key: level} of the module's fields this person may not simply edit (crm.records.fieldset.LEVELS); the widest of
        the roles that hold 查看 there counts."""
        return reach.field_levels(self, module)

    def subordinate_ids(self) -> set[int]:
        """Ids of this person and of everybody under them by supervisor."""
        return reach.below(self.pk)

    def has_perm(self, perm: str, obj=None) -> bool:
        from .backends import RoleBackend

        return RoleBackend().has_perm(self, perm, obj)

    def forget_rights(self) -> None:
        """Drop what was read of the roles (after they changed within one process)."""
        for name in ("_roles", "_functions", "_reach", "_fieldsets"):
            self.__dict__.pop(name, None)


class SignInLog(models.Model):
    """One attempt to sign in."""

    class Result(models.TextChoices):
        OK = "ok", "成功"
        WRONG = "wrong", "账号或密码错误"
        DISABLED = "disabled", "账号已停用"
        LOCKED = "locked", "已锁定"

    employee = models.ForeignKey(Employee, models.CASCADE, null=True, related_name="+", verbose_name="员工")
    username = models.CharField("登录名", max_length=100)
    ip = models.GenericIPAddressField("IP", null=True)
    agent = models.CharField("设备", max_length=300, blank=True)
    result = models.CharField("结果", max_length=10, choices=Result.choices)
    created_at = models.DateTimeField("时间", auto_now_add=True)

    class Meta:
        verbose_name = "登录日志"
        ordering = ["-pk"]

    @property
    def device(self) -> str:
        return device_name(self.agent)


class SignIn(models.Model):
    """A live sign-in of an employee: its own row per session, so that one or all can be ended."""

    employee = models.ForeignKey(Employee, models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, unique=True)
    ip = models.GenericIPAddressField("IP", null=True)
    agent = models.CharField("设备", max_length=300, blank=True)
    created_at = models.DateTimeField("登录时间", auto_now_add=True)
    seen_at = models.DateTimeField("最近活动", default=timezone.now)

    class Meta:
        verbose_name = "登录会话"
        ordering = ["-seen_at"]

    @property
    def device(self) -> str:
        return device_name(self.agent)


class OrgLog(models.Model):
    """Changes of the organisation and of rights: departments, employees, roles, dictionaries, parameters."""

    created_at = models.DateTimeField("时间", auto_now_add=True)
    actor = models.ForeignKey(Employee, models.PROTECT, null=True, related_name="+", verbose_name="操作人")
    code = models.CharField("操作", max_length=60)
    target = models.CharField("对象", max_length=200)
    text = models.CharField("说明", max_length=500, blank=True)
    changes = models.JSONField("变更", default=list)

    class Meta:
        verbose_name = "系统日志"
        ordering = ["-pk"]


from .handover.models import Handover, HandoverLine, HandoverPiece  # noqa: E402, F401  a package of its own, on the models above
