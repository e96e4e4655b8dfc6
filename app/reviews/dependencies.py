"""Whom an act of the reviews is alone with: settled before the session opens, so that the gate takes the locks."""

from uuid import UUID

from fastapi import Depends, Request
from pydantic import TypeAdapter, ValidationError

_UUID = TypeAdapter(UUID)
# A token without one of these will be refused: it must not lock anybody until it is.
_REVIEWS = frozenset({"assignments:respond", "evaluations:review", "cases:review"})
_MANAGES = frozenset({"evaluations:manage", "cases:manage"})


async def lock_self(request: Request) -> None:
    """Answering an assignment changes what the caller may do from then on."""
    if request.state.claims.scopes & _REVIEWS:
        request.state.targets = (request.state.claims.subject,)


async def lock_member(request: Request, person_id: UUID) -> None:
    """Whether this person is in the pool is what draws decide by."""
    if request.state.claims.scopes & _MANAGES:
        request.state.targets = (person_id,)


async def lock_named(request: Request) -> None:
    """The person that the body names; what is wrong with the body is said in its turn."""
    if not request.state.claims.scopes & _MANAGES or not await request.body():
        return
    body = await request.json()
    try:
        request.state.targets = (_UUID.validate_python(body["person_id"] if isinstance(body, dict) else None),)
    except (KeyError, ValidationError):
        return


# In a route's `dependencies=[…]`.
CHANGES_SELF = Depends(lock_self)
CHANGES_MEMBER = Depends(lock_member)
CHANGES_NAMED = Depends(lock_named)
