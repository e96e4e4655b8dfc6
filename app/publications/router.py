"""What was published (公布): results of the yearly evaluation, typical cases. Frozen bytes, without a token."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from app.core.etag import Replies
from app.core.pagination import Page, Paging
from app.core.routing import router
from app.publications import repository
from app.publications.dependencies import Described, Held, PublicSession
from app.publications.schemas import PublicationFilters, PublicationOut

routes = router("/v1/publications", tag="publications")

_BYTES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bytes as they were published; the ETag is their SHA-256.",
        "content": {"application/json": {"schema": {"type": "object", "additionalProperties": True}}},
    },
    304: {"description": "The bytes that you have are the ones."},
}


@routes.get("", summary="List publications")
async def list_publications(
    session: PublicSession, pages: Paging, filters: Annotated[PublicationFilters, Query()]
) -> Page[PublicationOut]:
    """The latest first. No token is needed."""
    statement = repository.listed(kind=filters.kind, year=filters.year)
    page = await pages.of(session, statement, filters, repository.ORDERS[filters.sort])
    return page.show_rows(PublicationOut.model_validate)


@routes.get("/{publication_id}", response_model=PublicationOut, summary="Get a publication")
async def get_publication(publication: Described, reply: Replies) -> Response:
    """What it is, when it was published, and the hash of its bytes."""
    return reply(publication)


@routes.get("/{publication_id}/content", response_model=None, responses=_BYTES, summary="Get a publication's bytes")
async def get_publication_content(publication: Held, request: Request) -> Response:
    """Byte for byte what was published, for everybody and for ever. Results of an evaluation name each region's grade
    (等次), in the order of the regions' codes; no scores, no ranks."""
    headers = {"ETag": f'"{publication.content_sha256}"', "Cache-Control": "public, max-age=31536000, immutable"}
    known = {tag.strip().removeprefix("W/") for tag in (request.headers.get("if-none-match") or "").split(",")}
    if known & {headers["ETag"], "*"}:
        return Response(status_code=304, headers=headers)
    return Response(publication.content, media_type=publication.media_type, headers=headers)
