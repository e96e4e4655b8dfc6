"""Methods are reference data: everybody reads them."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import Session, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.routing import answers
from app.evaluations.schemes import repository
from app.models.evaluations import EvaluationScheme

Reader = Annotated[Caller, requires("directory:read")]


@answers(e.NOT_FOUND)
async def visible_scheme(session: Session, scheme_id: UUID) -> EvaluationScheme:
    scheme = await repository.one(session, scheme_id)
    if scheme is None:
        raise e.NotFound
    return scheme


VisibleScheme = Annotated[EvaluationScheme, Depends(visible_scheme)]
