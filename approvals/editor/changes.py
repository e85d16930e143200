"""What differs between two versions of a flow, in words."""

from .words import RESUME, Words


def between(key: str, old: dict, new: dict, words: Words) -> list[dict]:
    """[{"label", "old", "new"}] from one definition to the next, in the order of the editor; an absent side is ""."""
    found: list[dict] = []

    def note(label: str, before: str, after: str) -> None:
        if before != after:
            found.append({"label": label, "old": before, "new": after})

    note(
        "使用条件",
        words.condition(key, old["condition"]) or "所有单据",
        words.condition(key, new["condition"]) or "所有单据",
    )
    note("自己的单据", words.own(old), words.own(new))
    note("拒绝后再提交", RESUME[old["resume"]], RESUME[new["resume"]])
    was = {one["key"]: one for one in old["steps"]}
    now = {one["key"]: one for one in new["steps"]}
    for one in new["steps"]:
        if one["key"] not in was:
            note(f"新增步骤“{one['name']}”", "", "；".join(f"{label} {text}" for label, text in words.step(one)))
    for one in old["steps"]:
        if one["key"] not in now:
            note(f"删除步骤“{one['name']}”", words.everyone(one["who"]), "")
    kept = [one["key"] for one in new["steps"] if one["key"] in was]
    if kept != [one["key"] for one in old["steps"] if one["key"] in now]:
        note("顺序", *(" → ".join(one["name"] for one in side["steps"]) for side in (old, new)))
    for pk in kept:
        before, after = was[pk], now[pk]
        note(f"步骤“{after['name']}”的名称", before["name"], after["name"])
        for (label, text), (_, changed) in zip(words.step(before), words.step(after), strict=True):
            note(f"步骤“{after['name']}”的{label}", text, changed)
    note("抄送", words.everyone(old["copies"]), words.everyone(new["copies"]))
    note("通过后", "；".join(words.after(key, old["after"])), "；".join(words.after(key, new["after"])))
    return found
