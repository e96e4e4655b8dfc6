"""One world while its script is played: people who act over HTTP, the worker between the steps."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import registry
from app.core.config import Settings
from app.core.db import Database
from app.models.jobs import Job
from app.worker import HANDLERS, SUBSCRIBERS, Handler, Worker
from tests.contract import in_process
from tests.ground import edge_of
from tests.world import World
from tests.worlds.ports import Ports


@dataclass
class Somebody:
    """Of the cast, by its key."""

    kind: str
    id: UUID
    client_id: str = "liangshan"


class _Labelled(Worker):
    """The worker, whose ids hang on the job that it does. A job that fails fails the replay."""

    async def _put_back(self, job_id: UUID, claim: UUID, error: Exception) -> None:  # noqa: ARG002
        raise error


class Replay(World):
    """A world with a database and ports of its own; `kept` is what its script notes down for later steps."""

    def __init__(self, name: str, api: FastAPI, settings: Settings, ports: Ports) -> None:
        super().__init__(api, settings)
        self.name = name
        self.ports = ports
        self.admin = Database(settings.worker_url, clock=ports, ids=ports, pool_size=2)
        self.cast: dict[str, Somebody] = {}
        self.kept: dict[str, str] = {}
        self._step = ""
        self._asked: Counter[str] = Counter()
        self._http = AsyncClient(transport=in_process(api), base_url="http://liangshan.test")
        # For what compares: millions of answers need not be held to the document once more.
        self.quick = AsyncClient(
            transport=ASGITransport(edge_of(api), raise_app_exceptions=False), base_url="http://liangshan.test"
        )

    async def close(self) -> None:
        await self._http.aclose()
        await self.quick.aclose()
        await super().close()

    def at(self, position: int, step: str) -> None:
        self.ports.step(position, step)
        self._step = step

    async def rest(self) -> None:
        """No connection stays open: the database may be cloned, or put in another's place."""
        await self.api.state.database.dispose()
        await self.admin.dispose()

    async def join(self, key: str, name: str, *grants: tuple[Any, str | UUID | None]) -> None:
        """Somebody new, made as the commands make people."""
        self.ports.begin(f"join/{key}")
        async with self.admin.administration() as session:
            person = await registry.add_person(session, name)
            for role, bound in grants:
                region = bound if isinstance(bound, str) else None
                organisation = bound if isinstance(bound, UUID) else None
                await registry.add_grant(session, person.id, role, region_code=region, organisation_id=organisation)
        self.cast[key] = Somebody("person", person.id)

    async def bearer(self, key: str) -> str:
        """A token for what they may do now."""
        who = self.cast[key]
        return await self.token(who.kind, who.id, who.client_id)

    async def send(self, key: str, method: str, path: str, body: Any = None, **more: Any) -> Response:
        """One request in its own right: ids and key hang on who asks what, in which step."""
        label = f"{self._step}/{key}/{method} {path}/{digest_of(body)}"
        self._asked[label] += 1
        self.ports.begin(f"{label}/{self._asked[label]}")
        named = digest_of(self.ports.label)
        headers = {
            "Authorization": f"Bearer {await self.bearer(key)}",
            "X-Request-Id": named,
            **more.pop("headers", {}),
        }
        if method == "POST":
            headers["Idempotency-Key"] = named
        options = {"json": body, **more} if body is not None else more
        answer = await self._http.request(method, path, headers=headers, **options)
        assert answer.is_success, f"{self.name}: {self.ports.label}: {answer.status_code} {answer.text}"
        return answer

    async def get(self, key: str, path: str) -> Any:
        return (await self.send(key, "GET", path)).json()

    async def listed(self, key: str, path: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.get(key, path))["items"]
        return items

    async def post(self, key: str, path: str, body: Any = None, **more: Any) -> Response:
        return await self.send(key, "POST", path, body, **more)

    async def change(self, key: str, method: str, path: str, body: Any) -> Response:
        tag = (await self.send(key, "GET", path)).headers["etag"]
        return await self.send(key, method, path, body, headers={"If-Match": tag})

    async def act(self, key: str, path: str, action: str, body: Any = None) -> Response:
        """A transition, with the ETag that stands."""
        tag = (await self.send(key, "GET", path)).headers["etag"]
        return await self.send(key, "POST", f"{path}/{action}", body, headers={"If-Match": tag})

    async def work(self) -> None:
        """The worker does all that is due."""
        self.ports.begin(f"{self._step}/worker")
        handlers = {kind: self._labelled(kind, handler) for kind, handler in HANDLERS.items()}
        await _Labelled(self.admin, handlers, SUBSCRIBERS).drain()

    def _labelled(self, kind: str, handler: Handler) -> Handler:
        async def labelled(session: AsyncSession, job: Job) -> None:
            subject = {name: value for name, value in job.payload.items() if name != "event_id"}
            self.ports.label = f"{self._step}/job/{kind}/{sorted(subject.items())}"
            await handler(session, job)
            self.ports.label = f"{self._step}/worker"

        return labelled

    async def named(self, ids: Sequence[UUID]) -> list[str]:
        """Keys of the cast."""
        keys = {who.id: key for key, who in self.cast.items()}
        return [keys[one] for one in ids]


def digest_of(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:32]
