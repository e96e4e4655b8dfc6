"""The decision on a recusal as a letter to be printed (回避决定书, 不予回避决定书, 解除回避决定书)."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from html import escape

from app.core.clock import LEAGUE_TIME
from app.models.declarations import RecusalState

_STYLE = """
@page { size: A4; margin: 37mm 26mm 35mm 28mm }
body { font: 16pt/28pt FangSong, "FangSong_GB2312", "仿宋", STFangsong, serif; max-width: 156mm; margin: 0 auto }
h1 { font: 22pt/36pt "FZXiaoBiaoSong-B05S", "方正小标宋简体", SimSun, "宋体", serif; text-align: center }
p { text-indent: 2em; margin: 0 }
.plain { text-indent: 0 }
.end { text-align: right; margin-top: 28pt }
"""
# The page runs nothing and loads nothing; its one style sheet is named by its hash.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

TITLES = {
    RecusalState.IN_FORCE: "回避决定书",
    RecusalState.REJECTED: "不予回避决定书",
    RecusalState.LIFTED: "解除回避决定书",
}
_EFFECTS = {
    RecusalState.IN_FORCE: "决定其对上述对象实行回避。自决定之日起，不得参与该对象的监督、评审、评议和评定；"
    "已作出的评审意见无效，由他人重新评审。",
    RecusalState.REJECTED: "所述情形不构成回避事由，决定不予回避。此前中止的工作恢复进行。",
    RecusalState.LIFTED: "回避情形已经消除，经两名决定人同意，决定解除回避。此前已宣告无效的评审意见仍然无效。",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """What the letter says. It names neither who applied nor who informed; `basis` is the law's text by version."""

    number: str
    person: str
    subject: str
    outcome: RecusalState
    reason: str
    basis: str | None
    decided_at: datetime


def render(letter: Letter) -> str:
    """A page of HTML in the layout of an official document (GB/T 9704 margins), to be printed and sealed."""
    title = TITLES[letter.outcome]
    day = letter.decided_at.astimezone(LEAGUE_TIME)
    basis = f"{letter.basis}，" if letter.basis else ""
    paragraphs = [
        f"经审查，{letter.person}就“{letter.subject}”的回避事项，理由如下：{letter.reason}",
        f"{basis}{_EFFECTS[letter.outcome]}",
    ]
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    return (
        f'<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f'<p class="plain">编号：{escape(letter.number)}</p><p class="plain">{escape(letter.person)}：</p>{body}'
        f'<p class="end">（印章）</p><p class="end">{day.year}年{day.month}月{day.day}日</p></body></html>\n'
    )
