"""The definition as the browser sends it: one text. Whether it makes sense is judged by flows.validate_definition."""

import json

from crm.records.fields import tidy

LONGEST = 200_000  # characters of a definition
MOST = 201  # values of one condition, one more than a condition takes


class Broken(ValueError):
    """No definition at all: what was sent is not what the editor sends."""


def read(text) -> dict:
    """The definition in a text (Broken when it is none); its condition holds nothing but groups, fields and plain values."""
    if not isinstance(text, str) or not text or len(text) > LONGEST:
        raise Broken
    try:
        raw = json.loads(text, parse_constant=lambda name: None)
        json.dumps(raw, ensure_ascii=False).encode()  # half a surrogate pair is no text and no database keeps it
    except (ValueError, RecursionError):
        raise Broken from None
    if not isinstance(raw, dict):
        raise Broken
    node = raw.get("condition")
    return {**raw, "condition": _group(node) if isinstance(node, dict) else {}}


def scalar(raw):
    """A plain value without control characters; None for anything else."""
    if raw is None or isinstance(raw, bool | list | dict):
        return None
    return raw if isinstance(raw, int) else tidy(str(raw))[:1000]


def _group(raw: dict, depth: int = 1) -> dict:
    """A group of conditions; empty groups and rows without a field are dropped, {} is no condition."""
    children = raw.get("c")
    nodes = [_node(one, depth) for one in children if isinstance(one, dict)] if isinstance(children, list) else []
    kept = [one for one in nodes if one]
    return {"m": "or" if raw.get("m") == "or" else "and", "c": kept} if kept else {}


def _node(raw: dict, depth: int) -> dict:
    if "c" in raw:
        return _group(raw, depth + 1) if depth < 9 else {}
    key, operator, value = raw.get("f"), raw.get("o"), raw.get("v")
    if not isinstance(key, str) or not key:
        return {}
    rule = {"f": tidy(key)[:100], "o": tidy(operator)[:20] if isinstance(operator, str) else ""}
    if isinstance(value, list):
        rule["v"] = [one for one in map(scalar, value[:MOST]) if one is not None]
    elif (plain := scalar(value)) is not None:
        rule["v"] = plain
    return rule


def text(definition: dict) -> str:
    """The text the editor begins with, as the browser itself would write it."""
    return json.dumps(definition, ensure_ascii=False, separators=(",", ":"))
