"""Conflicts between sources (Art. 3): pairs for a person to decide on, and who owns which member."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.auth.principal import Caller
from app.core import errors as e
from app.core.etag import Replies, Reply
from app.core.fields import ReasonBody
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import for_example, may_answer, router
from app.models.sources import ProjectMatch
from app.projects.dependencies import Reader, VisibleProject
from app.projects.sources import repository, service
from app.projects.sources.dependencies import (
    Decider,
    MatchReader,
    OwnershipKeeper,
    OwnershipReader,
    OwnershipToReplace,
    PairToJoin,
    PairToReopen,
    PairToTellApart,
    VisibleMatch,
)
from app.projects.sources.schemas import MatchFilters, MatchOut, OwnershipIn, OwnershipOut, ProjectSources, SameIn

matches = router("/v1/project-matches", tag="projects")
ownership = router("/v1/field-ownership", tag="projects")
sources = router("/v1/projects", tag="projects")


async def _answer(session: Session, caller: Caller, reply: Reply, match: ProjectMatch) -> Response:
    [body] = await service.shown(session, caller, [match])
    return reply(body, version=body.version, location=f"/v1/project-matches/{match.id}")


@matches.get("", summary="List pairs of projects that may be one")
async def list_project_matches(
    caller: MatchReader, session: Session, pages: Paging, filters: Annotated[MatchFilters, Query()]
) -> Page[MatchOut]:
    """Projects of two sources with the same national code, or with the same name, region and investment entity, side
    by side with their differences, the latest found first. For the league's office: no system is told that another one
    tells of the same project. Found after each push, a little later."""
    page = await pages.of(session, repository.matches(filters), filters, repository.MATCH_ORDER)
    items = iter(await service.shown(session, caller, [row[0] for row in page.rows]))
    return page.show(lambda _: next(items))


@matches.get("/{match_id}", response_model=MatchOut, summary="Get a pair of projects that may be one")
async def get_project_match(caller: MatchReader, match: VisibleMatch, session: Session, reply: Replies) -> Response:
    """Both sides as they stand, what differs, what was decided last, and what you may do with it now."""
    return await _answer(session, caller, reply, match)


@matches.post("/{match_id}/same", response_model=MatchOut, summary="Decide that two projects are one")
async def join_project_match(
    caller: Decider, pair: PairToJoin, session: Session, reply: Replies, body: SameIn
) -> Response:
    """With the one that is kept, and the reason. The other one leaves the library (退库), or is not admitted, and may
    not be proposed again; it stays as its source's version, and its source's pushes go on changing it. Nothing is
    merged: what its source owns (`/v1/field-ownership`) is proposed for the kept one, item by item. Never by who
    proposed one of the two, nor by who is recused from either (Art. 11)."""
    await service.same(session, pair, body)
    return await _answer(session, caller, reply, pair.match)


@matches.post("/{match_id}/distinct", response_model=MatchOut, summary="Decide that two projects are not one")
async def tell_project_match_apart(
    caller: Decider,
    pair: PairToTellApart,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="同名不同址，系两个项目（示例）")],
) -> Response:
    """With the reason. Neither project changes. The pair is not flagged again, unless the two were told apart by name
    and come to bear the same national code."""
    await service.distinct(session, pair, body.reason)
    return await _answer(session, caller, reply, pair.match)


@matches.post("/{match_id}/reopen", response_model=MatchOut, summary="Take back a decision on two projects")
async def reopen_project_match(
    caller: Decider,
    pair: PairToReopen,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="核对批复文件后发现认定有误（示例）")],
) -> Response:
    """With the reason. A project that `same` had taken out of the library, or out of its admission, is proposed again,
    and the office admits it as any other; what owners had proposed for the kept one is withdrawn."""
    await service.reopen(session, pair, body.reason)
    return await _answer(session, caller, reply, pair.match)


@ownership.get("", response_model=OwnershipOut, summary="Get who owns which member")
async def get_field_ownership(_caller: OwnershipReader, session: Session, reply: Replies) -> Response:
    """Which source's word counts for which member of a project that several sources tell of. It takes effect only where
    the office decided that two projects are one."""
    found = service.table(await repository.ownership(session))
    return reply(found, version=found.version)


@ownership.put(
    "",
    response_model=OwnershipOut,
    dependencies=[may_answer(e.FORBIDDEN, e.RECUSED)],
    summary="Change who owns which member",
)
async def replace_field_ownership(
    caller: OwnershipKeeper, session: Session, reply: Replies, now: OwnershipToReplace, body: OwnershipIn
) -> Response:
    """The whole table, with the reason, by the league's office; each version is kept. A rule for a region goes before
    one for all. Not for a region that is your own, or from which you are recused. A push of the kept project's own
    source does not change a member that another source of it owns: the receipt names it as `withheld`."""
    found = await service.replace_ownership(session, caller, now, body)
    return reply(found, version=found.version)


@ownership.get("/versions", summary="List the versions of who owns which member")
async def list_field_ownership_versions(
    _caller: OwnershipReader, session: Session, pages: Paging, params: Annotated[PageParams, Query()]
) -> Page[OwnershipOut]:
    """What the office laid down, the latest first: by whom, when, why."""
    page = await pages.of(session, repository.ownerships(), params, repository.OWNERSHIP_ORDER)
    return page.show(service.table)


@sources.get("/{project_id}/sources", response_model=ProjectSources, summary="Get what each source says of a project")
async def get_project_sources(_caller: Reader, project: VisibleProject, session: Session, reply: Replies) -> Response:
    """The versions of the project that you may see: what each source says, when it last said so and by which push, and
    what was withheld of it; and for each member who wrote it last."""
    return reply(await service.sources(session, project), version=project.version)
