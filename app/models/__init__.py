"""All tables, each with its class and subjects; no behaviour. Importing this package fills the metadata."""

from app.models import (
    attachments,
    cases,
    declarations,
    directory,
    draws,
    evaluations,
    events,
    history,
    identity,
    imports,
    jobs,
    machinery,
    plans,
    projects,
    published,
    reviews,
    sources,
    tasks,
    walls,
)
from app.models.base import Base

metadata = Base.metadata

__all__ = [
    "Base",
    "attachments",
    "cases",
    "declarations",
    "directory",
    "draws",
    "evaluations",
    "events",
    "history",
    "identity",
    "imports",
    "jobs",
    "machinery",
    "metadata",
    "plans",
    "projects",
    "published",
    "reviews",
    "sources",
    "tasks",
    "walls",
]
