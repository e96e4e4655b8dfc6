"""Who may touch which project: 404, then scope and side in its region, recusal, state, If-Match."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist, refusals
from app.core.etag import IfMatch
from app.core.routing import answers
from app.core.workflow import SAME_PERSON, WRONG_STATE, Actor
from app.models.projects import Project
from app.projects import repository, rules
from app.projects.standing import actor_over

Reader = Annotated[Caller, requires("projects:read")]
Editor = Annotated[Caller, requires(rules.WRITE)]
Writer = Annotated[Caller, acts(rules.WRITE)]
Admitter = Annotated[Caller, acts(rules.ADMIT)]
QueueReader = Annotated[Caller, requires(rules.ADMIT)]
Leaver = Annotated[Caller, acts(rules.WRITE, rules.ADMIT)]


@answers(e.NOT_FOUND)
async def visible_project(session: Session, project_id: UUID) -> Project:
    project = await repository.one(session, project_id)
    if project is None:
        raise e.NotFound
    return project


VisibleProject = Annotated[Project, Depends(visible_project)]


async def actor_on(session: Session, caller: AnyCaller, project: VisibleProject) -> Actor:
    return await actor_over(session, caller, project)


ActorOnProject = Annotated[Actor, Depends(actor_on)]


class ProjectTo:
    """The project that `action` is about, locked: the caller may do it, now, on the version that they saw."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.problems = (e.NOT_FOUND, *refusals(*rules.lines_of(action)))

    async def __call__(
        self, session: Session, project: VisibleProject, actor: ActorOnProject, precondition: IfMatch
    ) -> Project:
        # Authority before the lock: the walls' update policy hides the row from FOR UPDATE.
        self._judge(project, actor, None, settled=False)
        locked = await repository.one(session, project.id, lock=True)
        if locked is None:
            raise e.NotFound
        self._judge(locked, actor, await repository.proposer(session, project.id), settled=True)
        precondition.check(locked.version)
        return locked

    def _judge(self, project: Project, actor: Actor, proposer: UUID | None, *, settled: bool) -> None:
        verdict = rules.judge(
            self.action,
            project.membership,
            project.building_stage,
            actor,
            proposer,
            is_version=project.same_as is not None,
        )
        # The state counts once it is locked.
        if settled or verdict.refusal not in {WRONG_STATE, SAME_PERSON, rules.ONLY_A_VERSION}:
            insist(verdict, rules.scope_of(self.action, actor))


def project_to(action: str) -> Any:
    return Depends(ProjectTo(action))


ProjectToUpdate = Annotated[Project, project_to("update")]
ProjectToPropose = Annotated[Project, project_to("propose")]
ProjectToAdmit = Annotated[Project, project_to("admit")]
ProjectToDecline = Annotated[Project, project_to("decline")]
ProjectToLeave = Annotated[Project, project_to("leave")]
ProjectToReEnter = Annotated[Project, project_to("re-enter")]
ProjectToAdvance = Annotated[Project, project_to("advance")]
ProjectToSuspend = Annotated[Project, project_to("suspend")]
