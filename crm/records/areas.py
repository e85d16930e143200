"""Provinces and their cities (from the npm package in package.json, laid down by script/assets as areas.json), and the
short names people type."""

import json
from functools import cache

from django.conf import settings
from django.core.exceptions import ValidationError

from .fields import tidy

_SUFFIXES = ("维吾尔自治区", "壮族自治区", "回族自治区", "特别行政区", "自治区", "省", "市")


@cache
def provinces() -> dict[str, list[str]]:
    """{full province name: [city names]} in the order of the administrative codes."""
    data = json.loads((settings.BASE_DIR / "static" / "vendor" / "areas.json").read_text(encoding="utf-8"))
    return {entry["name"]: entry["cities"] for entry in data["provinces"]}


def _short(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


@cache
def _aliases() -> dict[str, tuple[str, str]]:
    """Every accepted spelling -> (province, city or ""): full and short provinces first, then unambiguous cities."""
    found: dict[str, tuple[str, str]] = {}
    for province in provinces():
        found[province] = found[_short(province)] = (province, "")
    found |= {
        "内蒙": found["内蒙古"],
        "新疆维吾尔": found["新疆"],
        "广西壮族": found["广西"],
        "宁夏回族": found["宁夏"],
    }
    cities: dict[str, list[tuple[str, str]]] = {}
    for province, names in provinces().items():
        for city in names:
            for spelling in {city, _short(city)}:
                cities.setdefault(spelling, []).append((province, city))
    for spelling, places in cities.items():
        if len(places) == 1:
            found.setdefault(spelling, places[0])
    return found


def place(province: str, city: str = "") -> tuple[str, str]:
    """(province, city) of what was typed: 内蒙 -> 内蒙古自治区; 深圳 as a province -> 广东省, 深圳市. ValidationError with
    the sentence for the field otherwise."""
    province, city = tidy(province), tidy(city)
    if not province and not city:
        return "", ""
    known = _aliases().get(province or city)
    if known is None:
        if province:
            raise ValidationError({"province": f"没有“{province[:20]}”这个省份"})
        raise ValidationError({"city": f"没有“{city[:20]}”这个城市"})
    province, implied = known
    if not city:
        return province, implied
    cities = provinces()[province]
    for name in (city, f"{city}市"):
        if name in cities:
            return province, name
    match = [name for name in cities if _short(name) == _short(city)]
    if not match:
        raise ValidationError({"city": f"{province}没有“{city[:20]}”这个城市"})
    return province, match[0]


def line(province: str, city: str, address: str) -> str:
    """One line of an address."""
    parts = [province, "" if city == province or city in ("市辖区", "县") else city, address]
    return "".join(part for part in parts if part)
