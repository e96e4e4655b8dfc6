"""All tables, each with its class and subjects; no behaviour. Importing this package fills the metadata."""

from app.models import directory, identity, imports, jobs, machinery, plans, projects, tasks, walls
from app.models.base import Base

metadata = Base.metadata

__all__ = [
    "Base",
    "directory",
    "identity",
    "imports",
    "jobs",
    "machinery",
    "metadata",
    "plans",
    "projects",
    "tasks",
    "walls",
]
