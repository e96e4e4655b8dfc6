"""Limits of calls: exact over any number of processes, because PostgreSQL counts.

A budget is a leaky bucket (GCRA): `q` requests are taken at once, and each comes back after its share of the window.
Each request is counted once, before anything else is asked of it: for the principal of a token that verifies, else for
the caller's address. It is a statement of its own, on no transaction: what a request does is rolled back, that it came
is not. Where the database cannot count, nothing is let through (503): all but a few public documents could not be
answered then anyway, and a limit that gives way under load would protect nothing from load.
"""

from collections.abc import Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from uuid import UUID

from fastapi import Request
from sqlalchemy import text

from app.core.config import Settings
from app.core.db import Database
from app.core.errors import TooManyRequests

RATE_HEADERS = ("RateLimit", "RateLimit-Policy")
_COUNT = text("SELECT * FROM gate.count_call(:holder, :budget, :quota, :seconds, :client)")

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


class Budget(StrEnum):
    """What is counted apart, so that who reads much can still write, and who pushes much can still read."""

    READS = "reads"
    WRITES = "writes"
    PUSHES = "pushes"
    TOKEN = "token"  # noqa: S105 - the budget of the routes that give tokens
    ANONYMOUS = "anonymous"


# Settings under which nothing is counted: for the demo's loading, and for tests.
UNLIMITED = {f"rate_limit_{budget}": 0 for budget in Budget}
_BY_ADDRESS = frozenset({Budget.TOKEN, Budget.ANONYMOUS})


class Limits:
    """Counts requests, by the settings' quotas; a client's own quotas go before them."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._seconds = settings.rate_limit_seconds
        self._quotas = {budget: int(getattr(settings, f"rate_limit_{budget}")) for budget in Budget}
        self._proxies = networks(settings.trusted_proxies)

    async def count(self, request: Request, budget: Budget) -> None:
        """Take one from the caller's budget, and leave for the edge what the answer says of it.

        Raises `TooManyRequests`, and `Busy` where it cannot be counted.
        """
        if getattr(request.state, "counted", False):
            return
        claims = getattr(request.state, "claims", None)
        client: UUID | None = None
        if claims is None or budget in _BY_ADDRESS:
            budget = budget if budget in _BY_ADDRESS else Budget.ANONYMOUS
            holder = f"address:{self._address(request)}"
        else:
            holder = f"{claims.kind}:{claims.subject}"
            client = claims.subject if claims.kind == "client" else None
        quota = self._quotas[budget]
        if not quota:
            return
        found = await self._database.alone(
            _COUNT,
            {"holder": holder, "budget": budget, "quota": quota, "seconds": self._seconds, "client": client},
        )
        request.state.rate_headers = {
            "RateLimit-Policy": f'"{budget}";q={found.granted};w={self._seconds}',
            "RateLimit": f'"{budget}";r={found.remaining};t={found.seconds_left}',
        }
        if not found.allowed:
            raise TooManyRequests(found.seconds_left)

    def _address(self, request: Request) -> str:
        peer = request.client.host if request.client else ""
        return caller_address(peer, request.headers.getlist("x-forwarded-for"), self._proxies)


def networks(stated: str) -> tuple[_Network, ...]:
    return tuple(ip_network(part.strip()) for part in stated.split(",") if part.strip())


def caller_address(peer: str, forwarded: Sequence[str], proxies: Sequence[_Network]) -> str:
    """The address that counts: the socket's, or the last one in `X-Forwarded-For` that no trusted proxy wrote of
    another trusted proxy. Of IPv6 the /64: one site has so many addresses that each alone would mean nothing."""
    hops = [part for line in forwarded for part in line.split(",")]
    address = _parsed(peer)
    while address is not None and hops and any(address in network for network in proxies):
        before = _parsed(hops.pop())
        if before is None:
            break
        address = before
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address or "unknown")


def _parsed(text_of_it: str) -> _Address | None:
    """Also as some proxies write it: with a port, IPv6 then in brackets."""
    bare = text_of_it.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
