"""A receiver of webhooks on this machine, reached by the name and the address of another one.

The rules are those of a server, and stand: loopback is refused here, too. What is replaced is the boundary behind them:
the look-up of names, and the dialling of an address that the rules have let through.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpcore

from app.events.network import Network
from app.events.receivers import Receivers, listed

HOST, ADDRESS = "hooks.example.cn", "10.20.30.40"
URL = f"https://{HOST}:8443/liangshan?key=example"
PLAIN_URL = f"http://{HOST}:8443/liangshan?key=example"


@dataclass(frozen=True, slots=True)
class Message:
    head: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers with `status`, or with what `answer` says to each; keeps what it was sent."""

    status: int = 200
    extra: bytes = b""
    body: bytes = b"ok"
    delay: float = 0.0
    answer: Callable[[Message], int] | None = None
    got: list[Message] = field(default_factory=list)
    port: int = 0
    server_name: str | None = None
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def has(self, count: int) -> None:
        """Until so many messages came."""
        async with asyncio.timeout(20):
            while len(self.got) < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            message = Message(first, headers, body)
            self.got.append(message)
            self._arrived.set()
            await asyncio.sleep(self.delay)
            status = self.answer(message) if self.answer else self.status
            writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: {len(self.body)}\r\n".encode() + self.extra + b"\r\n")
            writer.write(self.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @property
    def ids(self) -> list[str]:
        return [message.headers["webhook-id"] for message in self.got]


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    made = Receiver()
    if tls is not None:

        def hear(_socket: Any, name: str | None, _context: Any) -> None:
            made.server_name = name

        tls.sni_callback = hear
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()


@dataclass
class Wire(httpcore.AsyncNetworkBackend):
    """Knows names and addresses of an intranet that is not there. `dialled`: what was really asked for."""

    port: int
    names: dict[str, list[str]] = field(default_factory=lambda: {HOST: [ADDRESS]})
    dialled: list[tuple[str, int]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def look_up(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        if host not in self.names:
            raise OSError(host)
        return self.names[host]

    async def connect_tcp(self, host: str, port: int, *rest: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        self.dialled.append((host, port))
        if host != ADDRESS:
            raise httpcore.ConnectError(host)
        return await httpcore.AnyIOBackend().connect_tcp("127.0.0.1", self.port, *rest, **options)


def network(
    wire: Wire, *, allowed: str = f"{HOST}, *.example.cn", http: bool = True, ca_file: str | None = None
) -> Network:
    names, suffixes, networks = listed(allowed)
    rules = Receivers(names=names, suffixes=suffixes, networks=networks, http=http)
    return Network(rules, ca_file=ca_file, look_up=wire.look_up, dial=wire)
