"""Accounts and identity keys as sent and served. No password and no identity number ever comes back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Label, Secret, Version
from app.directory.people.rules import normalised_identity_number
from app.models.identity import Account

# Folded as the login folds it, so that what is registered is what can be typed.
Username = Annotated[
    str,
    BeforeValidator(lambda value: value.strip().lower() if isinstance(value, str) else value),
    Field(
        min_length=3,
        max_length=64,
        pattern=r"^[a-z0-9][a-z0-9._@-]+$",
        description="Lower case; letters, digits and `._@-`.",
        examples=["erenhot.editor1"],
    ),
]


class AccountIn(Body):
    """How the person logs in. The password is handed over in person and changed by its owner (`/v1/me/password`)."""

    username: Username
    initial_password: Secret = Field(
        description="At least ten characters of three kinds, or sixteen of any.", examples=["Steppe-Autumn-2026"]
    )


class AccountOut(BaseModel):
    """An account. `disabled_at` is null while it can be used."""

    person_id: UUID
    username: Label
    state: Code
    disabled_at: datetime | None
    version: Version
    created_at: datetime
    updated_at: datetime
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]

    @classmethod
    def of(cls, account: Account, state: str, actions: list[AllowedAction]) -> "AccountOut":
        return cls(
            person_id=account.person_id,
            username=account.username,
            state=state,
            disabled_at=account.disabled_at,
            version=account.version,
            created_at=account.created_at,
            updated_at=account.updated_at,
            allowed_actions=actions,
        )


class IdentityNumberIn(Body):
    """The number on the identity card that was seen (GB 11643). It is not kept: only a keyed digest is."""

    identity_number: Annotated[
        str,
        BeforeValidator(lambda value: normalised_identity_number(value) if isinstance(value, str) else value),
        Field(min_length=18, max_length=18, description="18 characters, check digit validated."),
    ] = Field(examples=["360426199101010071"])


class IdentityKeyOut(BaseModel):
    """That this person's identity was verified, by whom and when."""

    model_config = ConfigDict(from_attributes=True)
    person_id: UUID
    verified_by: UUID
    verified_at: datetime
