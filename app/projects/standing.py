"""How a caller stands to a project."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core.db import walled_from
from app.core.workflow import Actor
from app.models.projects import Project


async def actor_over(session: AsyncSession, caller: Caller, project: Project) -> Actor:
    """The caller over this project. Only who handles for the league can be recused from it (Art. 11)."""
    subjects = [f"region:{project.region_code}", f"project:{project.id}"]
    if project.organisation_id is not None:
        subjects.append(f"organisation:{project.organisation_id}")
    recused = caller.is_league and await walled_from(session, subjects)
    return caller.actor(project.region_code, recused=recused, organisation_id=project.organisation_id)
