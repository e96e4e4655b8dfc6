"""The audit's SQL. Which entries there are for a caller is the policy's word; here they are only narrowed."""

from uuid import UUID

from sqlalchemy import Select, or_, select

from app.audit.schemas import ActFilters
from app.core.pagination import Order
from app.models.machinery import AuditEntry

ORDER = Order((AuditEntry.occurred_at.expression, AuditEntry.id.expression), descending=True)


def entries(
    filters: ActFilters,
    *,
    actor_id: UUID | None = None,
    resource_id: UUID | None = None,
    recusal_id: UUID | None = None,
) -> Select[AuditEntry]:
    statement = select(AuditEntry)
    if actor_id is not None:
        statement = statement.where(AuditEntry.actor_id == actor_id)
    if resource_id is not None:
        statement = statement.where(AuditEntry.resource_id == resource_id)
    if recusal_id is not None:
        followed = AuditEntry.changes["recusal_id"].astext == str(recusal_id)
        statement = statement.where(or_(AuditEntry.resource_id == recusal_id, followed))
    if filters.action is not None:
        statement = statement.where(AuditEntry.action == filters.action)
    if filters.outcome is not None:
        statement = statement.where(AuditEntry.outcome == filters.outcome)
    if filters.since is not None:
        statement = statement.where(AuditEntry.occurred_at >= filters.since)
    if filters.until is not None:
        statement = statement.where(AuditEntry.occurred_at < filters.until)
    return statement
