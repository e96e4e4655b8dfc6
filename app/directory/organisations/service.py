"""Registering and changing organisations."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of
from app.core.errors import CONSTRAINT_REASONS, FieldError, Invalid, Reason
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
    """Apply what the patch states. Raises `Invalid` where it would leave neither code nor reason."""
    stated = body.model_dump(exclude_unset=True)
    for name, value in stated.items():
        if value is None and name in {"name", "charge_modes"}:
            raise Invalid(FieldError(f"/{name}", "required"))
        setattr(organisation, name, value)
    if organisation.credit_code is None and organisation.no_code_reason is None:
        raise Invalid(FieldError("/credit_code", "required"))
    if organisation.parent_id == organisation.id:
        raise Invalid(FieldError("/parent_id", "invalid_value"))
    await session.flush()
    changes = body.model_dump(mode="json", exclude_unset=True)
    await record(session, "organisations.update", _resource(organisation), changes=changes)
    return organisation


def _resource(organisation: Organisation) -> Resource:
    return Resource(
        "organisation", organisation.id, region_code=organisation.region_code, organisation_id=organisation.id
    )
