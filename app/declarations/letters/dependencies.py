"""Whose letter is read by whom: deciders read the decision's, the person concerned the own."""

from typing import Annotated

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session
from app.core import errors as e
from app.core.routing import answers
from app.declarations.letters import service
from app.declarations.letters.rules import Letter
from app.declarations.recusals.dependencies import OwnNotice, VisibleRecusal


@answers(e.NOT_FOUND)
async def letter_of_recusal(session: Session, recusal: VisibleRecusal) -> Letter:
    letter = await service.of_recusal(session, recusal)
    if letter is None:
        raise e.NotFound
    return letter


@answers(e.NOT_FOUND)
async def own_letter(session: Session, caller: AnyCaller, notice: OwnNotice) -> Letter:
    letter = await service.of_notice(session, caller.id, notice)
    if letter is None:
        raise e.NotFound
    return letter


LetterOfRecusal = Annotated[Letter, Depends(letter_of_recusal)]
OwnLetter = Annotated[Letter, Depends(own_letter)]
