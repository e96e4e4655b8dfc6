"""Who meets which case file: office, committee and inspector, not recused from its region or case. Everybody else
gets 404, as for one that does not exist.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import Session, requires
from app.auth.principal import Caller
from app.cases.files import repository
from app.core import errors as e
from app.core.routing import answers
from app.models.cases import CaseFile

Reader = Annotated[Caller, requires("cases:read")]


@answers(e.NOT_FOUND)
async def visible_file(session: Session, file_id: UUID) -> CaseFile:
    file = await repository.one(session, file_id)
    if file is None:
        raise e.NotFound
    return file


VisibleFile = Annotated[CaseFile, Depends(visible_file)]
