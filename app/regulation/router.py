"""The regulation, article by article, and what carries it (Art. 17)."""

from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response

from app.auth.dependencies import requires
from app.auth.principal import Caller
from app.core.etag import Replies
from app.core.routing import router
from app.regulation import service
from app.regulation.schemas import ArticleOut, RegulationOut

routes = router("/v1/regulation", tag="regulation")

Reader = Annotated[Caller, requires("directory:read")]


async def get_document(request: Request) -> dict[str, Any]:
    """What the API says of itself: the document that is served at `/openapi.json`."""
    document: dict[str, Any] = request.app.openapi()
    return document


Document = Annotated[dict[str, Any], Depends(get_document)]


@routes.get("", response_model=RegulationOut, summary="Get the regulation")
async def get_regulation(_caller: Reader, document: Document, reply: Replies) -> Response:
    """The 17 articles in our own words, which of them are carried by routes, and plainly what is not built yet.

    The version in force is a draft for review (送审稿), on trial."""
    return reply(service.whole(document))


@routes.get("/{article}", response_model=ArticleOut, summary="Get an article")
async def get_regulation_article(
    _caller: Reader, article: Annotated[int, Path(ge=1, le=17)], document: Document, reply: Replies
) -> Response:
    """One article with every route that carries it, as the routes declare it themselves."""
    return reply(service.article(document, article))
