"""Running on one machine: the local database with its roles and secrets, the demo world, the server, the worker.

Everything of it lies under `.data/` (or DATA_DIR), which git ignores. With DATABASE_URL set, an outside
database is used instead and nothing is loaded into it unless told.
"""

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
import uvicorn
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy import func, select, text
from starlette.types import ASGIApp

from app.auth import keys
from app.core.bootstrap import bootstrap, passwords_of
from app.core.config import Settings
from app.core.db import PUBLIC, Database
from app.core.local_postgres import LocalPostgres
from app.core.logging import configure
from app.core.migrations import migrate
from app.core.streams import ENDING
from app.directory.load import load_reference_data
from app.evaluations.schemes.load import load_schemes
from app.events.courier import Courier
from app.events.network import network_of
from app.events.sealing import Seal
from app.main import create_app
from app.models.ddl import APP, OWNER, WORKER
from app.models.identity import Person
from app.worker import ABANDONED, ERRANDS, HANDLERS, SUBSCRIBERS, Worker

DATABASE = "liangshan"
_RESTART_SECONDS = 1.0
_GRACE_SECONDS = 20


class SetupError(Exception):
    """Something about this machine or its settings must be put right first; the text says what."""


def data_dir() -> Path:
    return Path(os.environ.get("DATA_DIR") or Path(__file__).resolve().parents[1] / ".data")


def run_dev(*, port: int, demo: bool | None, console: Console) -> None:
    """What `make run` does. Stops the local database after the server, whichever way the server ends."""
    # The server ends in order on SIGTERM and then raises it again: it must not cut off what follows.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    _check_port(port)
    outside = bool(os.environ.get("DATABASE_URL"))
    if outside and demo is None:
        console.print("DATABASE_URL is set: the demo world is not loaded (say --demo to load it).")
    with database_here() as server:
        settings = settings_here(server)
        settings = settings.model_copy(update={"port": port, "public_url": f"http://127.0.0.1:{port}"})
        loaded = asyncio.run(_prepare(settings, server, demo=not outside if demo is None else demo))
        with worker_beside(settings):
            _greet(console, port, loaded=loaded)
            serve(create_app(settings), host=settings.host, port=port)


async def _prepare(settings: Settings, server: LocalPostgres | None, *, demo: bool) -> bool:
    """Roles, migrations, reference data, key, demo world; True where the database carries the demo's accounts."""
    if server is not None:
        passwords = passwords_of(settings.owner_url, settings.app_url, settings.worker_url)
        await bootstrap(server.admin_url, DATABASE, passwords)
    await migrate(settings)
    await load_basics(settings)
    if demo and await _is_empty(settings):
        await load_demo(settings)
    return await _has_demo(settings)


async def load_basics(settings: Settings) -> None:
    """Reference data and the first signing key: what every installation needs."""
    database = Database(settings.worker_url, pool_size=1)
    try:
        async with database.administration() as session:
            await load_reference_data(session)
            await load_schemes(session)
            await keys.ensure(session, settings.secret_key.get_secret_value(), database.clock.now())
    finally:
        await database.dispose()


async def load_demo(settings: Settings) -> None:
    """The demo world, into an empty database only."""
    if not await _is_empty(settings):
        raise SetupError("the database is not empty: the demo world goes into an empty one only")
    from app.demo.load import load  # noqa: PLC0415 - its client library is not installed for serving

    await load(settings)


async def check_before_serving(settings: Settings) -> None:
    """What `serve` insists on: a secret of its own that opens the signing key, and no demo account."""
    if settings.has_dev_secret:
        raise SetupError("SECRET_KEY is not set: `serve` needs a secret of its own (32 characters or more)")
    if await _has_demo(settings):
        raise SetupError("the database has demo accounts (示例): `serve` does not run on it")
    database = Database(settings.app_url, pool_size=1)
    try:
        await keys.KeyRing(database, settings.secret_key.get_secret_value()).signing_key()
    except keys.NoSigningKeyError as error:
        raise SetupError(
            "no signing key opens with this SECRET_KEY: `python -m app migrate` makes the first one, "
            "`python -m app keys rotate` a new one"
        ) from error
    finally:
        await database.dispose()


async def _has_demo(settings: Settings) -> bool:
    database = Database(settings.app_url, pool_size=1)
    try:
        async with database.transaction(PUBLIC) as session:
            return bool(await session.scalar(text("SELECT gate.has_demo()")))
    finally:
        await database.dispose()


async def _is_empty(settings: Settings) -> bool:
    database = Database(settings.worker_url, pool_size=1)
    try:
        async with database.administration() as session:
            return not await session.scalar(select(func.count()).select_from(Person))
    finally:
        await database.dispose()


@contextmanager
def database_here() -> Iterator[LocalPostgres | None]:
    """The local server, started or shared; None where DATABASE_URL (or the worker's) names another one."""
    if os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_WORKER_URL"):
        yield None
        return
    with LocalPostgres(data_dir() / "postgres") as server:
        yield server


def settings_here(server: LocalPostgres | None) -> Settings:
    """The environment's settings, completed with the local database's addresses and secrets."""
    settings = Settings()
    if server is None:
        return settings
    kept = _secrets()
    return settings.model_copy(
        update={
            "database_url": SecretStr(server.url(APP, DATABASE, kept["app"])),
            "database_owner_url": SecretStr(server.url(OWNER, DATABASE, kept["owner"])),
            "database_worker_url": SecretStr(server.url(WORKER, DATABASE, kept["worker"])),
            "secret_key": SecretStr(kept["secret_key"]) if settings.has_dev_secret else settings.secret_key,
        }
    )


def _secrets() -> dict[str, Any]:
    """Passwords and secret of the local installation: made once, readable by the owner only."""
    path = data_dir() / "secrets.json"
    if not path.exists():
        made = {name: secrets.token_urlsafe(32) for name in ("app", "owner", "worker", "secret_key")}
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_text(json.dumps(made))
        part.rename(path)
    kept: dict[str, Any] = json.loads(path.read_text())
    return kept


def serve(app: ASGIApp, *, host: str, port: int) -> None:
    """Serve until Ctrl-C or SIGTERM. Our own lines are the log; the server's own name is not told."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        # It would believe anybody's X-Forwarded-For that comes from this machine: TRUSTED_PROXIES says whose counts.
        proxy_headers=False,
        timeout_graceful_shutdown=20,
    )
    server = _Server(config)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(3)


class _Server(uvicorn.Server):
    """Tells its streams that it ends; it would wait for them."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        ENDING.set()
        super().handle_exit(sig, frame)


def work(settings: Settings, *, tied: bool = False) -> None:
    """Be the worker until SIGTERM or Ctrl-C, and then end after the job at hand.

    `tied`: end also when standard input closes, which is what the death of the process at its other end does.
    """
    configure(settings.log_level)
    asyncio.run(_work(settings, tied=tied))


async def _work(settings: Settings, *, tied: bool) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if tied:
        # Nothing is ever written there: readable means closed.
        loop.add_reader(sys.stdin.fileno(), stop.set)
    # A transaction for the jobs, one for each subscription that is sent to, and some to spare: the lease of a long job
    # that is kept, its progress that is told.
    database = Database(settings.worker_url, pool_size=5)
    # To see, and to act, as a caller does takes the requests' own role.
    requests = Database(settings.app_url, pool_size=4)
    seal = Seal(settings.secret_key.get_secret_value())
    worker = Worker(database, HANDLERS, SUBSCRIBERS, ERRANDS, ABANDONED, requests)
    try:
        await asyncio.gather(worker.run(stop), Courier(database, requests, network_of(settings), seal).run(stop))
    finally:
        await database.dispose()
        await requests.dispose()


@contextmanager
def worker_beside(settings: Settings) -> Iterator[None]:
    """A worker process beside this one: started again when it dies, ended with the block or with this process.

    A process and not a task: a job that blocks or dies takes no request with it.
    """
    ending = threading.Event()

    def keep() -> None:
        while not ending.is_set():
            with _start_worker(settings) as child:
                while child.poll() is None and not ending.wait(0.2):
                    pass
                if child.poll() is None:
                    _end(child)
            if not ending.wait(_RESTART_SECONDS):
                structlog.get_logger().warning("worker_starts_again", status=child.returncode)

    keeper = threading.Thread(target=keep, name="worker", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ending.set()
        keeper.join()


def _end(child: subprocess.Popen[bytes]) -> None:
    """In order, after the job at hand; a worker that hangs is killed, and its job is done by the next one."""
    child.terminate()
    try:
        child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


def _start_worker(settings: Settings) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", "worker", "--tied"],
        cwd=Path(__file__).resolve().parents[1],
        env={
            **os.environ,
            "DATABASE_WORKER_URL": settings.worker_url,
            "DATABASE_URL": settings.app_url,
            "SECRET_KEY": settings.secret_key.get_secret_value(),
        },
        stdin=subprocess.PIPE,
        # A session of its own: Ctrl-C reaches this process, which ends the worker after the server.
        start_new_session=True,
    )


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SetupError(
                f"port {port} is taken: stop what uses it, or choose another (PORT=8001 make run)"
            ) from error


def _greet(console: Console, port: int, *, loaded: bool) -> None:
    base = f"http://127.0.0.1:{port}"
    console.print(f"\nLiangshan (两山) is at {base}   docs: {base}/docs   OpenAPI: {base}/openapi.json")
    if loaded:
        from app.demo.people import ACCOUNTS, PASSWORD  # noqa: PLC0415 - only where there is a demo

        console.print(f"Demo accounts (示例), password {PASSWORD}:", markup=False)
        for account in ACCOUNTS:
            if account.shown:
                console.print(f"  {account.username:<18} {account.role_line}", markup=False)
    console.print("Ctrl-C stops it.\n")
