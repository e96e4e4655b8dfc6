"""What the worker does for attachments."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.attachments import repository
from app.attachments.service import SWEEP
from app.models.jobs import Job


async def sweep(session: AsyncSession, job: Job) -> None:
    """Bytes that were taken away everywhere do not stay behind: they may hold what should never have been sent."""
    await repository.sweep_blob(session, job.payload["sha256"])


HANDLERS = {SWEEP: sweep}
