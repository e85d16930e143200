"""Kinds of messages. A module registers its own where it sends them; no migration is needed for a new one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """`site` and `mail` are the defaults of the two channels; `fixed`: 站内信 cannot be switched off; `private`: never
    posted into a group by a robot."""

    key: str
    label: str
    group: str
    icon: str = "bell"
    site: bool = True
    mail: bool = False
    fixed: bool = False
    private: bool = False
    order: int = 50


ALL: dict[str, Kind] = {}
OTHER = "其他"


def register(key: str, label: str, group: str, **more) -> Kind:
    """Declare a kind; the key must be new and at most 20 characters."""
    if key in ALL or len(key) > 20:
        raise ValueError(f"message kind {key!r} is registered twice or too long")
    ALL[key] = Kind(key, label, group, **more)
    return ALL[key]


def get(key: str) -> Kind:
    """The kind of that key (LookupError for one nobody registered)."""
    if key not in ALL:
        raise LookupError(f"nobody registered the message kind {key!r}")
    return ALL[key]


def ordered() -> list[Kind]:
    return sorted(ALL.values(), key=lambda kind: kind.order)


def grouped() -> list[tuple[str, list[Kind]]]:
    """[(group, kinds)] in their order."""
    groups: dict[str, list[Kind]] = {}
    for kind in ordered():
        groups.setdefault(kind.group, []).append(kind)
    return list(groups.items())


def label_of(key: str) -> str:
    """The label, also for a kind whose module is gone."""
    return ALL[key].label if key in ALL else OTHER


def icon_of(key: str) -> str:
    return ALL[key].icon if key in ALL else "bell"


register("person", "同事来信", "协作", icon="chat", fixed=True, private=True, order=40)
register("system", "系统通知", "系统", icon="info", mail=True, fixed=True, order=90)
