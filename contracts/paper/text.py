"""Text templates: paragraphs with placeholders. A line "# ..." is the title, "## ..." a heading, {产品明细} alone the table."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError

from .placeholders import TABLE, Filled, names_in, unknown

ALONE = f"{{{TABLE}}}"


@dataclass(frozen=True)
class Block:
    """A piece of the paper: "title", "heading", "text" or "lines"."""

    kind: str
    text: str = ""


def check(body: str) -> None:
    """ValidationError that names what cannot be filled in."""
    if not body.strip():
        raise ValidationError({"body": "请填写模板内容"})
    if strange := unknown(names_in(body), rows=False):
        raise ValidationError({"body": f"不认识的占位符：{'、'.join(f'{{{name}}}' for name in strange[:10])}"})
    for line in body.splitlines():
        if ALONE in line and line.strip() != ALONE:
            raise ValidationError({"body": f"{ALONE} 要单独占一行"})


def blocks(body: str, filled: Filled) -> list[Block]:
    """The paper; lines of text that follow each other are one paragraph."""
    found: list[Block] = []
    gap = True
    for line in body.splitlines():
        bare = line.strip()
        if not bare:
            gap = True
            continue
        if bare == ALONE:
            found.append(Block("lines"))
        elif bare.startswith("## "):
            found.append(Block("heading", filled.text(bare[3:])))
        elif bare.startswith("# "):
            found.append(Block("title", filled.text(bare[2:])))
        elif not gap and found and found[-1].kind == "text":
            found[-1] = Block("text", f"{found[-1].text}\n{filled.text(line.rstrip())}")
            continue
        else:
            found.append(Block("text", filled.text(line.rstrip())))
            gap = False
            continue
        gap = True
    return found
