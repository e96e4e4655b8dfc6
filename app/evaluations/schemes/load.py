"""Loads the evaluation methods that ship, in production too; running it again changes nothing. They are 示例."""

import json
from importlib.resources import files
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.canonical import digest
from app.core.db import clock_of
from app.evaluations.schemes.rules import scheme_of
from app.models.evaluations import EvaluationScheme

# A shipped method has the same id wherever it is loaded.
_NAMESPACE = UUID("5b0e4c0e-3c1c-4f0a-9a53-2f6a1d7f3b11")


async def load_schemes(session: AsyncSession) -> None:
    """A version that is there stays as it is, for cycles are frozen to it. Needs the worker's session."""
    for content in _shipped():
        scheme_of(content)
        made = insert(EvaluationScheme).values(
            id=uuid5(_NAMESPACE, f"{content['code']}:{content['version']}"),
            code=content["code"],
            version=content["version"],
            title=content["title"],
            is_example=True,
            content=content,
            content_sha256=digest(content),
            adopted_at=clock_of(session).now(),
        )
        await session.execute(made.on_conflict_do_nothing(index_elements=["code", "version"]))


def _shipped() -> list[dict[str, Any]]:
    folder = files("app.evaluations.schemes") / "data"
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    return [json.loads(file.read_text(encoding="utf-8")) for file in found]
