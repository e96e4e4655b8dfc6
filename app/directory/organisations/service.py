"""Registering and changing organisations."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of, walled_from
from app.core.errors import CONSTRAINT_REASONS, FieldError, Invalid, Reason, Recused
from app.directory.organisations import repository
from app.directory.organisations.schemas import OrganisationIn, OrganisationPatch
from app.models.directory import Organisation

CONSTRAINT_REASONS["uq_organisations_credit_code"] = Reason(
    "credit_code_taken", "该统一社会信用代码已登记", "An organisation with this credit code exists"
)


async def register(session: AsyncSession, body: OrganisationIn) -> Organisation:
    """Raises `Conflict` (`credit_code_taken`) and `Invalid` for a reference that does not exist."""
    organisation = Organisation(id=ids_of(session).dossier(clock_of(session).now()), **body.model_dump())
    session.add(organisation)
    await session.flush()
    await record(session, "organisations.create", _resource(organisation), changes=body.model_dump(mode="json"))
    return organisation


async def change(session: AsyncSession, organisation: Organisation, body: OrganisationPatch) -> Organisation:
    """Apply what the patch states. Raises `Recused` where it touches a region that the caller is recused from (who is
    employed above or below a body there is barred from it), `Invalid` where it would leave neither code nor reason, or
    put a body above itself."""
    stated = body.model_dump(exclude_unset=True)
    await _check_tree(session, organisation, body)
    for name, value in stated.items():
        if value is None and name in {"name", "charge_modes"}:
            raise Invalid(FieldError(f"/{name}", "required"))
        setattr(organisation, name, value)
    if organisation.credit_code is None and organisation.no_code_reason is None:
        raise Invalid(FieldError("/credit_code", "required"))
    await session.flush()
    changes = body.model_dump(mode="json", exclude_unset=True)
    await record(session, "organisations.update", _resource(organisation), changes=changes)
    return organisation


async def _check_tree(session: AsyncSession, organisation: Organisation, body: OrganisationPatch) -> None:
    parent = body.parent_id if body.parent_id != organisation.parent_id else None
    if parent is not None:
        await repository.hold_tree(session)
    touched = await repository.tree(session, [organisation.id, *([parent] if parent else [])])
    regions = {row.region_code for row in touched}
    subjects = [f"organisation:{row.id}" for row in touched] + [f"region:{code}" for code in regions]
    if await walled_from(session, subjects):
        raise Recused
    if parent is not None and organisation.id in {
        row.id for row in await repository.tree(session, [parent]) if row.is_above
    }:
        raise Invalid(FieldError("/parent_id", "circular"))


def _resource(organisation: Organisation) -> Resource:
    return Resource(
        "organisation", organisation.id, region_code=organisation.region_code, organisation_id=organisation.id
    )
