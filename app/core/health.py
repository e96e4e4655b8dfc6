"""Liveness and readiness."""

from typing import Literal

from fastapi import Request
from pydantic import BaseModel
from sqlalchemy import text

from app.core.db import PUBLIC, Database
from app.core.routing import counts_as, router

routes = router("", tag="operations")


class Alive(BaseModel):
    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    status: Literal["ready"] = "ready"


# A supervisor that is refused would take the service out; and the first answers without the database.
UNCOUNTED = [counts_as(None)]


@routes.get("/healthz", summary="Is the process alive", dependencies=UNCOUNTED)
async def get_health() -> Alive:
    """Answers without touching the database."""
    return Alive()


@routes.get("/readyz", summary="Can the process serve", dependencies=UNCOUNTED)
async def get_readiness(request: Request) -> Ready:
    """Enters a transaction as the public: database, migrations and gate are there. 503 otherwise."""
    database: Database = request.app.state.database
    async with database.transaction(PUBLIC) as session:
        await session.execute(text("SELECT 1"))
    return Ready()
