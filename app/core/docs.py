"""The docs page and the integration guide, from our own files under a strict content policy: without internet."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from app.core.errors import NotFound

routes = APIRouter(include_in_schema=False)

_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon.png": "image/png",
}
# Beside the document that it explains. As plain text: a browser would save what it is told to be Markdown.
_GUIDE = Path(__file__).resolve().parents[2] / "openapi" / "guide"
_GUIDES = frozenset({"integration.md", "integration.zh.md", "push.py"})
_POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-cache",
}
_PAGE = """<!doctype html>
<html lang="zh-CN">
<head><meta charset="utf-8"><title>两山 API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/docs/favicon.png"></head>
<body><div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/init.js"></script></body>
</html>
"""
_INIT = """window.ui = SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: false,
  presets: [SwaggerUIBundle.presets.apis], layout: "BaseLayout", validatorUrl: null
});
"""


def _assets_folder() -> Path:
    spec = find_spec("fastapi_offline")
    assert spec is not None  # noqa: S101 - a locked dependency
    assert spec.origin is not None  # noqa: S101
    return Path(spec.origin).parent / "static"


@routes.get("/docs")
async def get_docs() -> Response:
    return Response(_PAGE, media_type="text/html", headers=_POLICY)


@routes.get("/docs/init.js")
async def get_docs_init() -> Response:
    return Response(_INIT, media_type="text/javascript", headers=_POLICY)


@routes.get("/docs/{name}")
async def get_docs_asset(name: str) -> Response:
    if name in _GUIDES:
        return FileResponse(_GUIDE / name, media_type="text/plain", headers=_POLICY)
    if name not in _ASSETS:
        raise NotFound
    return FileResponse(_assets_folder() / name, media_type=_ASSETS[name], headers=_POLICY)


@routes.get("/openapi.json")
async def get_openapi_document(request: Request) -> Response:
    return Response(request.app.state.openapi_bytes(), media_type="application/json", headers=_POLICY)
