"""Use cases of the judgement. The file that an act takes is locked and judged by `dependencies`."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core.audit import Resource, record
from app.core.canonical import digest
from app.core.db import ids_of
from app.core.jobs import ask
from app.evaluations.files.schemas import AppraisalIn
from app.evaluations.schemes.rules import plain
from app.models.evaluations import AppraisalFile, FileState


async def appraise(session: AsyncSession, caller: Caller, file: AppraisalFile, body: AppraisalIn) -> AppraisalFile:
    """综合评议. Judgement values stand in the audit as a hash."""
    file.appraisal_score, file.appraisal_reason = body.score, body.reason
    file.appraised_by, file.appraisal_salt = caller.id, ids_of(session).random()
    file.state = FileState.APPRAISED
    await session.flush()
    await session.refresh(file)
    stated = {"score": plain(body.score), "reason": body.reason, "salt": str(file.appraisal_salt)}
    appraisal = digest({"file_id": str(file.id), **stated})
    await record(session, "appraisal_files.appraise", resource(file), changes={"appraisal_sha256": appraisal})
    return file


async def request_grade(session: AsyncSession, file: AppraisalFile) -> None:
    """Ask the worker, who sees every sheet, to compute the result."""
    await record(session, "appraisal_files.request_grade", resource(file), event=False)
    await ask(
        session,
        "evaluations.grade",
        # Each request is a job of its own: an earlier one may have come too early.
        key=f"evaluations.grade:{ids_of(session).random()}",
        about=resource(file),
        payload={"file_id": str(file.id)},
    )


async def approve(session: AsyncSession, caller: Caller, file: AppraisalFile) -> AppraisalFile:
    """审定: the committee takes the result as it stands."""
    file.approved_by = caller.id
    file.state = FileState.APPROVED
    await session.flush()
    await record(session, "appraisal_files.approve", resource(file))
    return file


def resource(file: AppraisalFile) -> Resource:
    return Resource("appraisal_file", file.id, region_code=file.region_code)
