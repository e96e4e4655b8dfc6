"""The life of a client: pure rules that give reasons.

* Who registers is not who gives (三员分离): what a system administrator asks for takes effect when a security
  administrator confirms it, and so does all that is added later. What is dropped is gone at once.
* What ends is immediate, by either; what brings back is the security administrator's again.
"""

from collections.abc import Collection
from enum import StrEnum

from app.core.workflow import Side, Transition, Workflow

# Staff's own sources, which no client's name may be: a region's (followed by its code), and the office's.
REGION_SOURCE, OFFICE_SOURCE = "region-", "league-office"


class ClientState(StrEnum):
    """`awaiting_confirmation`: something is asked for that is not given yet; what was given before stays in effect."""

    AWAITING_CONFIRMATION = "awaiting_confirmation"
    ACTIVE = "active"
    DISABLED = "disabled"


_ANY = frozenset(ClientState)
_ENABLED = frozenset({ClientState.AWAITING_CONFIRMATION, ClientState.ACTIVE})

CLIENT_LIFE = Workflow(
    "client",
    [
        Transition("edit", _ANY, None, "clients:write", Side.LEAGUE),
        Transition(
            "confirm",
            frozenset({ClientState.AWAITING_CONFIRMATION}),
            ClientState.ACTIVE,
            "clients:confirm",
            Side.LEAGUE,
            distinct_from=("request",),
        ),
        Transition("disable", _ENABLED, ClientState.DISABLED, "clients:disable", Side.LEAGUE),
        Transition("enable", frozenset({ClientState.DISABLED}), ClientState.ACTIVE, "clients:confirm", Side.LEAGUE),
        Transition("secrets", _ENABLED, None, "clients:write", Side.LEAGUE),
    ],
)


def state_of(*, disabled: bool, given: Collection[str], asked: Collection[str]) -> ClientState:
    """`given` and `asked`: scopes and regions together."""
    if disabled:
        return ClientState.DISABLED
    return ClientState.ACTIVE if set(asked) <= set(given) else ClientState.AWAITING_CONFIRMATION


def kept(given: Collection[str], asked: Collection[str]) -> list[str]:
    """What stays in effect once this is asked for: nothing new, and no longer what is not asked for any more."""
    return sorted(set(given) & set(asked))
