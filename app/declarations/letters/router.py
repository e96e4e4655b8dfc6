"""Letters of decisions on recusals, to be printed (Art. 11)."""

from typing import Any

from fastapi import Response

from app.auth.dependencies import AnyCaller
from app.core.routing import router
from app.declarations.letters.dependencies import LetterOfRecusal, OwnLetter
from app.declarations.letters.rules import POLICY, Letter, render
from app.declarations.recusals.dependencies import Reader

routes = router("/v1/recusals/{recusal_id}/letter", tag="declarations")
mine = router("/v1/me/recusals/{recusal_id}/letter", tag="declarations")

_PAGE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page to be printed.",
        "content": {
            "text/html": {
                "schema": {"type": "string", "maxLength": 100_000},
                "example": "<!doctype html>…<h1>回避决定书</h1>…",
            }
        },
    }
}


@routes.get("", response_class=Response, responses=_PAGE, summary="Print the decision on a recusal")
async def get_recusal_letter(_caller: Reader, letter: LetterOfRecusal) -> Response:
    """回避决定书, 不予回避决定书 or 解除回避决定书, for those who decide; 404 before there is a decision."""
    return _printed(letter)


@mine.get("", response_class=Response, responses=_PAGE, summary="Print the decision on my own recusal")
async def get_my_recusal_letter(_caller: AnyCaller, letter: OwnLetter) -> Response:
    """The same letter, for the person concerned. It names neither who applied, nor who informed, nor who decided."""
    return _printed(letter)


def _printed(letter: Letter) -> Response:
    return Response(render(letter), media_type="text/html", headers={"Content-Security-Policy": POLICY})
