"""What is done to selected opportunities, and to one from its page: close, reopen, put into another stage."""

from crm.records.modules import Bulk

from .. import bulkforms, stages
from ..models import State


def _is_open(opportunity) -> bool:
    return opportunity.state == State.OPEN


def _closing(state: State, icon: str, body: str, *, danger: bool) -> Bulk:
    def run(rows, *, by, form):
        data = form.cleaned_data
        closed, refused = stages.close_many(rows, state, by=by, reason=data.get("reason"), note=data["note"])
        return len(closed), refused

    return Bulk(
        state.value,
        state.label,
        icon,
        "edit",
        run,
        f"把 {{n}} 个{{label}}标为{state.label}？",
        f"{state.label}（{{n}} 个）",
        form=bulkforms.WonForm if state == State.WON else bulkforms.LostForm,
        body=body,
        danger=danger,
        shown=_is_open,
        done=f"已{state.label}" if state == State.WON else f"已标为{state.label}",
    )


def _move(rows, *, by, form):
    return stages.move_many(rows, form.stage(), by=by)


def _reopen(rows, *, by, form=None):
    return stages.reopen_many(rows, by=by)


READ_ONLY = "关闭后只能查看和跟进，需要时可以重新打开。"
BULK = [
    _closing(State.WON, "check", READ_ONLY, danger=False),
    _closing(State.LOST, "flag", READ_ONLY, danger=True),
    _closing(State.VOID, "x", "无效的商机不计入输赢。" + READ_ONLY, danger=True),
    Bulk(
        "stage",
        "调整阶段",
        "right",
        "edit",
        _move,
        "把 {n} 个{label}放到哪个阶段？",
        "调整（{n} 个）",
        form=bulkforms.StageForm,
        body="可以选别的商机组的阶段；缺少必填字段的不会移动。",
        shown=_is_open,
    ),
    Bulk(
        "reopen",
        "重新打开",
        "undo",
        "reopen",
        _reopen,
        "重新打开 {n} 个{label}？",
        "重新打开（{n} 个）",
        body="回到关闭时的阶段，可以继续推进。",
        shown=lambda opportunity: not _is_open(opportunity),
        views=("all", "mine", "won", "lost", "void"),
    ),
]
