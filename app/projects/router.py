"""The key-project library (重点项目库, Art. 3)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core.etag import Replies, Reply
from app.core.fields import ReasonBody
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import for_example, router
from app.core.workflow import Actor
from app.models.projects import Project
from app.projects import render, repository, service
from app.projects.dependencies import (
    ActorOnProject,
    Admitter,
    Editor,
    Leaver,
    ProjectToAdmit,
    ProjectToAdvance,
    ProjectToDecline,
    ProjectToLeave,
    ProjectToPropose,
    ProjectToReEnter,
    ProjectToSuspend,
    ProjectToUpdate,
    Reader,
    VisibleProject,
    Writer,
)
from app.projects.schemas import (
    AdvanceIn,
    ProjectChangeOut,
    ProjectDecisionOut,
    ProjectFilters,
    ProjectIn,
    ProjectItem,
    ProjectOut,
    ProjectPatch,
)

routes = router("/v1/projects", tag="projects")


async def _answer(session: Session, reply: Reply, project: Project, actor: Actor, *, created: bool = False) -> Response:
    body = render.detail(project, await repository.surroundings(session, project), actor)
    return reply(body, version=project.version, location=f"/v1/projects/{project.id}", created=created)


@routes.get("", summary="List projects")
async def list_projects(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[ProjectFilters, Query()]
) -> Page[ProjectItem]:
    """The projects that you may see: your own region's with drafts; the league all but drafts; a department its modes;
    a construction entity its own; another system what it pushed. Newest change first unless sorted otherwise."""
    rows = await pages.of(session, repository.listed(filters), filters, repository.order(filters.sort))
    return rows.show_rows(render.item)


@routes.post("", status_code=201, response_model=ProjectOut, summary="Draft a project")
async def create_project(caller: Writer, session: Session, reply: Replies, body: ProjectIn) -> Response:
    """A draft of your own region, seen by its staff only until it is proposed (拟入库, Art. 3)."""
    project = await service.draft(session, caller, body)
    return await _answer(session, reply, project, caller.actor(project.region_code, recused=False), created=True)


@routes.get("/{project_id}", response_model=ProjectOut, summary="Get a project")
async def get_project(
    _caller: Reader, project: VisibleProject, actor: ActorOnProject, session: Session, reply: Replies
) -> Response:
    """Everything the project says, what it lacks of the four facts, and what you may do with it now."""
    return await _answer(session, reply, project, actor)


@routes.patch("/{project_id}", response_model=ProjectOut, summary="Change a project")
async def update_project(
    _caller: Editor,
    project: ProjectToUpdate,
    actor: ActorOnProject,
    session: Session,
    reply: Replies,
    body: ProjectPatch,
) -> Response:
    """By the region's editors. Absent members stay, null clears, `funding` is replaced as a whole. A project that is
    proposed or in the library keeps its four facts. Before and after go into the history."""
    return await _answer(session, reply, await service.change(session, project, body), actor)


@routes.post("/{project_id}/propose", response_model=ProjectOut, summary="Propose a project for the library")
async def propose_project(
    _caller: Writer, project: ProjectToPropose, actor: ActorOnProject, session: Session, reply: Replies
) -> Response:
    """申请入库: a draft, or a project that was declined, goes to the office. The four facts of Art. 3 must be complete:
    construction content, investment entity, at least one expected benefit, primary mode (422 names what lacks)."""
    return await _answer(session, reply, await service.move(session, project, "propose", actor), actor)


@routes.post("/{project_id}/admit", response_model=ProjectOut, summary="Admit a project to the library")
async def admit_project(
    _caller: Admitter, project: ProjectToAdmit, actor: ActorOnProject, session: Session, reply: Replies
) -> Response:
    """入库: by the office; never by who proposed it, nor by who is recused from region, project or entity (Art. 11)."""
    return await _answer(session, reply, await service.move(session, project, "admit", actor), actor)


@routes.post("/{project_id}/decline", response_model=ProjectOut, summary="Decline a proposed project")
async def decline_project(
    _caller: Admitter,
    project: ProjectToDecline,
    actor: ActorOnProject,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="四项要件尚不齐全，暂不入库（示例）")],
) -> Response:
    """By the office, with the reason. The region may change the project and propose it again."""
    moved = await service.move(session, project, "decline", actor, reason=body.reason)
    return await _answer(session, reply, moved, actor)


@routes.post("/{project_id}/leave", response_model=ProjectOut, summary="Take a project out of the library")
async def leave_library(
    _caller: Leaver,
    project: ProjectToLeave,
    actor: ActorOnProject,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="建设条件变化，不再实施（示例）")],
) -> Response:
    """退库, with the reason: by the region's editors, or by the office, whose removal is a decision of its own."""
    moved = await service.move(session, project, "leave", actor, reason=body.reason)
    return await _answer(session, reply, moved, actor)


@routes.post("/{project_id}/re-enter", response_model=ProjectOut, summary="Propose a project that left again")
async def re_enter_project(
    _caller: Writer,
    project: ProjectToReEnter,
    actor: ActorOnProject,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="建设条件已恢复，重新申报（示例）")],
) -> Response:
    """重新申请入库, with the reason; the office decides anew."""
    moved = await service.move(session, project, "re-enter", actor, reason=body.reason)
    return await _answer(session, reply, moved, actor)


@routes.post("/{project_id}/advance", response_model=ProjectOut, summary="Move a project to another building stage")
async def advance_project(
    _caller: Writer,
    project: ProjectToAdvance,
    actor: ActorOnProject,
    session: Session,
    reply: Replies,
    body: AdvanceIn,
) -> Response:
    """储备 → 前期 → 在建 → 竣工 → 投运. Stages may be skipped; a step back needs a reason; out of a suspension any
    stage may follow. The membership in the library does not move with it."""
    return await _answer(session, reply, await service.advance(session, project, body), actor)


@routes.post("/{project_id}/suspend", response_model=ProjectOut, summary="Suspend a project's building")
async def suspend_project(
    _caller: Writer,
    project: ProjectToSuspend,
    actor: ActorOnProject,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="冬季停工，来年复工（示例）")],
) -> Response:
    """停缓建, with the reason."""
    return await _answer(session, reply, await service.suspend(session, project, body.reason), actor)


@routes.get("/{project_id}/history", summary="List a project's history")
async def list_project_history(
    _caller: Reader,
    project: VisibleProject,
    session: Session,
    pages: Paging,
    params: Annotated[PageParams, Query()],
) -> Page[ProjectChangeOut]:
    """Every act on the project, newest first: who, when, why, and what changed."""
    page = await pages.of(session, repository.history(project.id), params, repository.HISTORY_ORDER)
    return page.show(ProjectChangeOut.model_validate)


@routes.get("/{project_id}/decisions", summary="List the office's decisions on a project")
async def list_project_decisions(
    _caller: Reader,
    project: VisibleProject,
    session: Session,
    pages: Paging,
    params: Annotated[PageParams, Query()],
) -> Page[ProjectDecisionOut]:
    """Admitted, declined or removed, newest first, with reasons (Art. 3)."""
    page = await pages.of(session, repository.decisions(project.id), params, repository.DECISION_ORDER)
    return page.show(ProjectDecisionOut.model_validate)
