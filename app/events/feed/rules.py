"""What the feed tells of: an allow-list of types, and what a reader needs for each kind (pure).

What is not listed is not told: every new type of event has to be argued for here. Nothing of judgement, conflict or a
proceeding belongs on it, and nothing by which one could tell that a recusal was touched.
"""

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID


class ResourceKind(StrEnum):
    PROJECT = "project"
    ORGANISATION = "organisation"
    IMPORT_RUN = "import_run"


class FeedType(StrEnum):
    """What a dossier's event says happened; look at the resource for how it stands now."""

    PROJECT_CREATED = "projects.create"
    PROJECT_UPDATED = "projects.update"
    PROJECT_PROPOSED = "projects.propose"
    PROJECT_ADMITTED = "projects.admit"
    PROJECT_DECLINED = "projects.decline"
    PROJECT_LEFT = "projects.leave"
    PROJECT_REMOVED = "projects.remove"
    PROJECT_RE_ENTERED = "projects.re-enter"
    PROJECT_ADVANCED = "projects.advance"
    PROJECT_SUSPENDED = "projects.suspend"
    ORGANISATION_CREATED = "organisations.create"
    ORGANISATION_UPDATED = "organisations.update"
    IMPORT_FINISHED = "imports.push"


# By kind: where it is shown, and the scopes of which any one shows it.
_SHOWN: dict[ResourceKind, tuple[str, frozenset[str]]] = {
    ResourceKind.PROJECT: ("/v1/projects", frozenset({"projects:read"})),
    ResourceKind.ORGANISATION: ("/v1/organisations", frozenset({"directory:read"})),
    ResourceKind.IMPORT_RUN: ("/v1/imports", frozenset({"imports:read", "projects:push", "history:push"})),
}
READ, SUBSCRIBE = "events:read", "webhooks:write"


def readable(scopes: Collection[str]) -> list[str]:
    """The kinds whose resources somebody with these scopes may look at: only of those they are told."""
    return [kind.value for kind, (_, needed) in _SHOWN.items() if not needed.isdisjoint(scopes)]


def href(kind: str, resource_id: UUID) -> str:
    return f"{_SHOWN[ResourceKind(kind)][0]}/{resource_id}"
