"""The one place from which something is sent out: a name is looked up once, and the connection goes to that address.

Names are looked up and connections made by two functions that tests put theirs in place of; the rules stand before
both.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpcore

from app.core.config import Settings
from app.events import receivers
from app.events.receivers import Address, Receivers, Target

LOOK_UP_SECONDS = 3.0
CONNECT_SECONDS = 5.0
# For everything from the connection to the end of what is read of the answer.
WHOLE_SECONDS = 15.0
# Of an answer only the status counts; so much is read, so that an honest receiver is not cut off, and thrown away.
READ_AT_MOST = 16 * 1024

LookUp = Callable[[str, int], Awaitable[list[str]]]


class RefusedError(Exception):
    """The receiver is none that may be sent to, or its name stands for nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered: a status, or why there is none."""

    status: int | None = None
    error: str | None = None
    # Seconds that the receiver asks us to wait (`Retry-After`); a date there is not read.
    wait: int | None = None


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, in the system's own order."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class _Only(httpcore.AsyncNetworkBackend):
    """Connects to the one address that was looked at, whatever the url's name stands for by now."""

    def __init__(self, address: Address, dial: httpcore.AsyncNetworkBackend) -> None:
        self._address = str(address)
        self._dial = dial

    async def connect_tcp(self, host: str, port: int, *rest: Any, **options: Any) -> httpcore.AsyncNetworkStream:  # noqa: ARG002
        return await self._dial.connect_tcp(self._address, port, *rest, **options)


class Network:
    """`database`: hosts of the database, whose networks are never sent to."""

    def __init__(
        self,
        allowed: Receivers,
        *,
        database: Iterable[str] = (),
        ca_file: str | None = None,
        look_up: LookUp = look_up,
        dial: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allowed = allowed
        self._database = tuple(database)
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._look_up = look_up
        self._dial = dial or httpcore.AnyIOBackend()

    async def address_of(self, url: str) -> tuple[Target, Address]:
        """Where the url may be sent to. Raises `RefusedError` without saying which rule it was."""
        target = receivers.read(url)
        if target is None or not self._allowed.may_be_looked_up(target):
            raise RefusedError
        found = await self._addresses(target.host, target.port)
        if not (await self._with_database()).allows(target, found):
            raise RefusedError
        return target, found[0]

    async def post(self, target: Target, address: Address, headers: dict[str, str], body: bytes) -> Answer:
        """Send, follow no redirect, and read little of the answer. Never raises for what the receiver does."""
        url = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        )
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls, max_connections=1, network_backend=_Only(address, self._dial)
        )
        try:
            async with asyncio.timeout(WHOLE_SECONDS), pool:
                options = {"timeout": {"connect": CONNECT_SECONDS}}
                sent = list({"Host": target.authority, **headers}.items())
                async with pool.stream("POST", url, headers=sent, content=body, extensions=options) as response:
                    await _throw_away(response)
                    return Answer(response.status, wait=_wait(response.headers))
        except (TimeoutError, httpcore.TimeoutException):
            return Answer(error="timeout")
        except httpcore.ConnectError as error:
            return Answer(error="tls" if _is_tls(error) else "connection")
        except (httpcore.NetworkError, OSError):
            return Answer(error="connection")
        except httpcore.ProtocolError:
            return Answer(error="protocol")

    async def _addresses(self, host: str, port: int) -> list[Address]:
        literal = receivers.parsed(host)
        if literal is not None:
            return [literal]
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                found = [receivers.parsed(text) for text in await self._look_up(host, port)]
        except (OSError, TimeoutError, UnicodeError) as error:
            raise RefusedError from error
        # A form that we do not read is no form that we may send to.
        if not all(found):
            raise RefusedError
        return [address for address in found if address is not None]

    async def _with_database(self) -> Receivers:
        """The rules, with where the database is now."""
        own = [address for host in self._database for address in await self._addresses(host, 5432)]
        return replace(self._allowed, refused=(*self._allowed.refused, *receivers.around(own)))


async def _throw_away(response: httpcore.Response) -> None:
    read = 0
    async for part in response.aiter_stream():
        read += len(part)
        if read > READ_AT_MOST:
            return


def _wait(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    said = next((value.strip() for name, value in headers if name.lower() == b"retry-after"), b"")
    return int(said) if said.isdigit() and len(said) < 8 else None


def _is_tls(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def network_of(settings: Settings) -> Network:
    """By the settings. Raises ValueError for a list that cannot be read."""
    names, suffixes, listed = receivers.listed(settings.webhook_receivers)
    own = receivers.networks(settings.database_networks)
    allowed = Receivers(
        names=names,
        suffixes=suffixes,
        networks=listed,
        refused=own,
        ports=receivers.ports(settings.webhook_ports),
        http=settings.webhook_http,
    )
    # Whoever says which network is the database's knows better than what is taken for it.
    hosts = () if own else _database_hosts(settings)
    return Network(allowed, database=hosts, ca_file=settings.webhook_ca_file)


def _database_hosts(settings: Settings) -> set[str]:
    urls = (
        settings.database_url,
        settings.database_owner_url,
        settings.database_worker_url,
        settings.database_admin_url,
    )
    found = {urlsplit(url.get_secret_value()).hostname for url in urls if url is not None}
    return {host for host in found if host}
