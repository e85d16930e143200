"""The role matrix: module × function with a reach per module, as the page shows it and as the form sends it."""

from crm.records import modules
from crm.records.modules import BASE_FUNCTIONS

from . import tree
from .models import Role


class Matrix:
    """What the matrix page shows of a role; 超级管理员 shows everything ticked."""

    def __init__(self, role):
        self.role = role
        self.held = modules.all_functions() if role.is_super else set(role.permissions)
        self.ways = tree.ways()
        self.reaches = Role.Reach.choices

    @property
    def custom(self) -> list[dict]:
        """The choices of departments, one per place where 自定义 may be chosen; the first is the role's default."""
        found = [self._custom("", "默认", self.role.reach, self.role.departments)]
        for module in self._owned():
            own = self.role.overrides.get(module.name) or {}
            found.append(self._custom(module.name, module.label, own.get("reach", ""), own.get("departments") or []))
        return found

    def _custom(self, name, label, reach, departments) -> dict:
        options = [(pk, self.ways[pk]) for pk in departments if pk in self.ways]
        return {
            "name": f"departments-{name}" if name else "departments",
            "module": name,
            "label": label,
            "on": reach == Role.Reach.CUSTOM,
            "options": options,
        }

    @staticmethod
    def _owned():
        return [module for module in modules.ordered() if module.owned]

    @property
    def groups(self) -> list[dict]:
        """[{title, rows}] in menu order."""
        found: dict[str, list] = {}
        for module in modules.ordered():
            found.setdefault(module.group, []).append(self._row(module))
        return [{"title": title, "rows": rows} for title, rows in found.items()]

    def _row(self, module) -> dict:
        labels = dict(module.permissions)
        base = [key for key, _ in BASE_FUNCTIONS]

        def cell(key):
            code = f"{module.name}.{key}"
            return {"code": code, "label": labels[key], "on": code in self.held}

        own = self.role.overrides.get(module.name) or {}
        return {
            "module": module,
            "cells": [cell(key) if key in labels else None for key in base],
            "extra": [cell(key) for key in labels if key not in base],
            "all": all(f"{module.name}.{key}" in self.held for key in labels),
            "reach": own.get("reach", ""),
            "field": f"reach-{module.name}",
        }

    @staticmethod
    def values_of(role, data) -> dict:
        """{field: value} of a submitted matrix; administration functions stay as they are."""
        chosen = [code for code in dict.fromkeys(data.getlist("f")) if code not in modules.ADMIN_FUNCTIONS]
        kept = [code for code in role.permissions if code in modules.ADMIN_FUNCTIONS]
        overrides = {}
        for module in Matrix._owned():
            reach = data.get(f"reach-{module.name}", "")
            if reach:
                overrides[module.name] = {
                    "reach": reach,
                    "departments": _ids(data.getlist(f"departments-{module.name}")),
                }
        return {
            "permissions": chosen + kept,
            "reach": data.get("reach", ""),
            "departments": _ids(data.getlist("departments")),
            "overrides": overrides,
        }


def _ids(texts) -> list[int]:
    return sorted({int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19})
