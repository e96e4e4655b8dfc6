"""Reference data is read by everybody who is somebody."""

from typing import Annotated

from fastapi import Depends, Path

from app.auth.dependencies import Session, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.routing import answers
from app.directory.reference import repository
from app.models.directory import Region

Reader = Annotated[Caller, requires("directory:read")]


@answers(e.NOT_FOUND)
async def visible_region(
    session: Session,
    code: Annotated[
        str, Path(pattern="^[0-9]{6}$", max_length=6, description="The region's code.", examples=["152501"])
    ],
) -> Region:
    region = await repository.region(session, code)
    if region is None:
        raise e.NotFound
    return region


VisibleRegion = Annotated[Region, Depends(visible_region)]
