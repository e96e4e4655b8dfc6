"""Completing an item. Its self-evaluation is held editable by the caller's dependency."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, record
from app.core.errors import FieldError, Invalid
from app.evaluations import repository
from app.evaluations.items.schemas import EvaluationItemContent, EvaluationItemPatch
from app.models.evaluations import EvaluationItem


async def change(session: AsyncSession, item: EvaluationItem, body: EvaluationItemPatch) -> EvaluationItem:
    """Raises `Invalid` for a file that is not this self-evaluation's, and where null would clear the evidence."""
    stated = body.model_dump(exclude_unset=True)
    if "evidence" in stated:
        stated["evidence"] = await _evidence(session, item, body)
    before = EvaluationItemContent.model_validate(item).model_dump(mode="json")
    for name, value in stated.items():
        setattr(item, name, value)
    await session.flush()
    # As the database keeps it (two decimals): what is answered now is what is frozen later.
    await session.refresh(item)
    after = EvaluationItemContent.model_validate(item).model_dump(mode="json")
    fields = {n: {"before": before[n], "after": after[n]} for n in after if after[n] != before[n]}
    if fields:
        resource = Resource("evaluation", item.evaluation_id, region_code=item.region_code)
        changes = {"criterion_code": item.criterion_code, "fields": fields}
        await record(session, "evaluations.items.update", resource, changes=changes)
    return item


async def _evidence(session: AsyncSession, item: EvaluationItem, body: EvaluationItemPatch) -> list[dict[str, object]]:
    if body.evidence is None:
        raise Invalid(FieldError("/evidence", "required"))
    named = {proof.attachment_id for proof in body.evidence if proof.attachment_id}
    known = await repository.attached(session, item.evaluation_id, named) if named else set()
    faults = [
        FieldError(f"/evidence/{index}/attachment_id", "unknown_reference")
        for index, proof in enumerate(body.evidence)
        if proof.attachment_id and proof.attachment_id not in known
    ]
    if faults:
        raise Invalid(*faults)
    return [proof.model_dump(mode="json") for proof in body.evidence]
