"""Who may see and change which reporting task."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist, shown
from app.core.etag import IfMatch
from app.core.routing import answers
from app.models.tasks import ReportingTask
from app.tasks.reporting import repository, service
from app.tasks.reporting.rules import TASK_LIFE
from app.tasks.reporting.schemas import ReportingTaskOut

Reader = Annotated[Caller, requires("tasks:read")]
Issuer = Annotated[Caller, acts("tasks:issue")]


@answers(e.NOT_FOUND)
async def visible_task(session: Session, task_id: UUID) -> ReportingTask:
    task = await repository.one(session, task_id)
    if task is None:
        raise e.NotFound
    return task


class TaskTo:
    """The task, locked, where the caller may do this to it now."""

    problems: tuple[e.ProblemType, ...] = (e.NOT_FOUND, e.STATE_CONFLICT, e.FORBIDDEN)

    def __init__(self, action: str, *more: e.ProblemType) -> None:
        self._action = action
        self.problems = (*TaskTo.problems, *more)

    async def __call__(
        self, session: Session, caller: AnyCaller, task_id: UUID, precondition: IfMatch
    ) -> ReportingTask:
        task = await repository.one(session, task_id, lock=True)
        if task is None:
            raise e.NotFound
        insist(TASK_LIFE.judge(self._action, task.state, caller.league_actor()), "tasks:issue")
        precondition.check(task.version)
        return task


class Shows:
    """Renders a task with the lines that its viewer sees, and what the viewer may do."""

    def __init__(self, session: Session, caller: AnyCaller) -> None:
        self._session = session
        self._caller = caller

    async def __call__(self, task: ReportingTask) -> ReportingTaskOut:
        actions = shown(TASK_LIFE.verdicts(task.state, self._caller.league_actor()))
        return ReportingTaskOut.whole(task, await service.lines(self._session, task), actions)


VisibleTask = Annotated[ReportingTask, Depends(visible_task)]
TaskToExtend = Annotated[ReportingTask, Depends(TaskTo("extend", e.RECUSED))]
TaskToClose = Annotated[ReportingTask, Depends(TaskTo("close"))]
Show = Annotated[Shows, Depends(Shows)]
