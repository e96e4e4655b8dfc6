"""Liveness and readiness."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import text

from app.core.db import PUBLIC, Database

routes = APIRouter(tags=["operations"])


@routes.get("/healthz", summary="Is the process alive")
async def get_health() -> JSONResponse:
    """Answers without touching the database."""
    return JSONResponse({"status": "ok"})


@routes.get("/readyz", summary="Can the process serve")
async def get_readiness(request: Request) -> JSONResponse:
    """Enters a transaction as the public: database, migrations and gate are there. 503 otherwise."""
    database: Database = request.app.state.database
    async with database.transaction(PUBLIC) as session:
        await session.execute(text("SELECT 1"))
    return JSONResponse({"status": "ready"})
