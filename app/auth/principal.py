"""Who is calling, as the gate answered it under the lock."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.auth.scopes import CONDITIONS, JUDGING, LEAGUE_ROLES, REGION_BOUND, ROLE_SCOPES
from app.auth.tokens import Claims
from app.core.db import Entered, Entry
from app.core.workflow import Actor, Side
from app.models.identity import Role


@dataclass(frozen=True, slots=True)
class GrantView:
    id: UUID
    role: Role
    region_code: str | None
    organisation_id: UUID | None


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal of the transaction. `scopes` is the token's, cut down to what is granted now.

    `met`: the conditions of judging scopes that hold (`commitment`, `declaration`, `evaluation`, `case`).
    """

    entry: Entry
    id: UUID
    client_id: str
    scopes: frozenset[str]
    grants: tuple[GrantView, ...]
    client: dict[str, Any]
    met: frozenset[str] = frozenset()

    @property
    def is_client(self) -> bool:
        return self.entry.kind == "client"

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(grant.role for grant in self.grants)

    @property
    def regions(self) -> frozenset[str]:
        """Regions of which the caller is staff."""
        return frozenset(g.region_code for g in self.grants if g.role in REGION_BOUND and g.region_code)

    @property
    def organisations(self) -> frozenset[UUID]:
        """Organisations whose projects are the caller's own."""
        return frozenset(
            g.organisation_id for g in self.grants if g.role is Role.CONSTRUCTION_ENTITY and g.organisation_id
        )

    @property
    def is_league(self) -> bool:
        return bool(self.roles & LEAGUE_ROLES)

    def scopes_in(self, region_code: str) -> frozenset[str]:
        """Scopes that reach the region: an editor of one region is nobody in the next."""
        reaching = [g for g in self.grants if g.region_code in {None, region_code}]
        return self.scopes & role_scopes(reaching)

    def league_actor(self) -> Actor:
        """The caller over what is about no region, or about all: recusal bites where an act names one."""
        sides = frozenset({Side.LEAGUE}) if self.is_league else frozenset[Side]()
        return Actor(self.id, self.scopes, sides, recused=False)

    def actor(self, region_code: str, *, recused: bool, organisation_id: UUID | None = None) -> Actor:
        """The caller as a workflow sees it, over a resource of this region (and organisation). Staff of either is
        never on the league's side of it, whatever else they are."""
        sides = set()
        if region_code in self.regions:
            sides.add(Side.REGION)
        elif self.is_league and (organisation_id is None or organisation_id not in self.organisations):
            sides.add(Side.LEAGUE)
        return Actor(self.id, self.scopes_in(region_code), frozenset(sides), recused)


def role_scopes(grants: Iterable[GrantView]) -> frozenset[str]:
    """What the roles name; a judging scope among them takes effect only once it is earned."""
    return frozenset().union(*(ROLE_SCOPES[grant.role] for grant in grants))


def met(entered: Entered) -> frozenset[str]:
    """The conditions of judging scopes that the person meets this year, as the gate found them under the lock."""
    standing = entered.standing
    found = set(standing.get("seated", ()))
    if entered.year in standing.get("committed", ()):
        found.add("commitment")
    if entered.year in standing.get("declared", ()):
        found.add("declaration")
    return frozenset(found)


def grants_of(entered: Entered) -> tuple[GrantView, ...]:
    return tuple(
        GrantView(
            UUID(grant["id"]),
            Role(grant["role"]),
            grant["region_code"],
            UUID(grant["organisation_id"]) if grant["organisation_id"] else None,
        )
        for grant in entered.grants
    )


def live_scopes(entered: Entered) -> frozenset[str]:
    """The scopes that a token may carry now."""
    if entered.client:
        return frozenset(entered.client["scopes"])
    conditions = met(entered)
    return frozenset(
        scope
        for scope in role_scopes(grants_of(entered))
        if scope not in JUDGING or conditions.issuperset(CONDITIONS[scope])
    )


def caller_of(entry: Entry, claims: Claims, entered: Entered) -> Caller:
    return Caller(
        entry=entry,
        id=claims.subject,
        client_id=claims.client_id,
        scopes=claims.scopes & live_scopes(entered),
        grants=grants_of(entered),
        client=entered.client,
        met=met(entered),
    )
