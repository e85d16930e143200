"""manage.py create_admin --phone 13800000001 --name 张三: a 超级管理员, for the first sign-in or when all are lost."""

import os
from getpass import getpass

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from orgs import services
from orgs.models import Department, Employee, Role


class Command(BaseCommand):
    help = "建立超级管理员。密码取自环境变量 ADMIN_PASSWORD，没有时在终端输入。"

    def add_arguments(self, parser):
        parser.add_argument("--phone", required=True, help="登录手机号")
        parser.add_argument("--name", required=True, help="姓名")

    def handle(self, *args, phone, name, **options):
        password = os.environ.get("ADMIN_PASSWORD") or self.ask()
        department = Department.objects.filter(parent=None).order_by("pk").first()
        person = Employee(phone=phone, name=name, department=department)
        try:
            services.create_employee(person, roles=[Role.objects.get(code=Role.SUPER)], by=None, password=password)
        except ValidationError as error:
            raise CommandError("；".join(error.messages)) from None
        self.stdout.write(f"已建立超级管理员 {person.name}（{person.phone}），第一次登录后须修改密码。")

    def ask(self) -> str:
        """The password, typed twice without being shown."""
        try:
            first, second = getpass("密码："), getpass("再输一次密码：")
        except (EOFError, OSError):
            raise CommandError("请设置环境变量 ADMIN_PASSWORD，或在终端里运行。") from None
        if not first or first != second:
            raise CommandError("两次输入的密码不一致，没有建立账号。")
        return first
