"""`python -m app …`: run, operate, administer. Commands say what to do next and never print a stored secret."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from rich.console import Console
from sqlalchemy import select

from app import local
from app.auth import keys as key_ring
from app.auth import passwords, registry
from app.auth.policy import as_markdown
from app.core.bootstrap import BootstrapError, bootstrap, database_statement, passwords_of, role_statements
from app.core.config import SettingMissingError, Settings
from app.core.db import Database
from app.core.local_postgres import LocalPostgresError
from app.core.migrations import UnsuitableDatabaseError, migrate
from app.main import create_api, create_app
from app.models.directory import Organisation, Region
from app.models.identity import Account, Role, SigningKeyRecord
from app.reviews.seeds import verify

OPENAPI_FILE = Path(__file__).resolve().parents[1] / "openapi" / "openapi.json"

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
keys = typer.Typer(no_args_is_help=True, help="Token-signing keys.")
users = typer.Typer(no_args_is_help=True, help="People, accounts and grants, by the operator.")
clients = typer.Typer(no_args_is_help=True, help="Other systems that push.")
draws = typer.Typer(no_args_is_help=True, help="Draws of experts, repeated.")
cli.add_typer(keys, name="keys")
cli.add_typer(users, name="users")
cli.add_typer(clients, name="clients")
cli.add_typer(draws, name="draw")

out = Console(soft_wrap=True, highlight=False)
Result = TypeVar("Result")


def main() -> None:
    """Expected troubles are one line on stderr and exit status 1."""
    try:
        cli()
    except (
        SettingMissingError,
        LocalPostgresError,
        BootstrapError,
        UnsuitableDatabaseError,
        local.SetupError,
    ) as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"liangshan: {error}", markup=False)
        sys.exit(1)


@cli.command()
def dev(
    port: Annotated[int, typer.Option(envvar="PORT", min=1, max=65535, help="Port of the API.")] = 8000,
    demo: Annotated[bool | None, typer.Option(help="Load the demo world into an empty database.")] = None,
) -> None:
    """Run everything on this machine: own PostgreSQL, migrations, demo world, worker, API. What `make run` does."""
    local.run_dev(port=port, demo=demo, console=out)


@cli.command()
def serve(
    host: Annotated[str, typer.Option(envvar="HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", min=1, max=65535)] = 8000,
) -> None:
    """Serve the API on the database of DATABASE_URL. Refuses a development secret and demo accounts."""
    settings = Settings()
    asyncio.run(local.check_before_serving(settings))
    local.serve(create_app(settings), host=host, port=port)


@cli.command()
def worker(
    tied: Annotated[bool, typer.Option("--tied", hidden=True, help="End when standard input closes.")] = False,
) -> None:
    """Do jobs and deliver events (DATABASE_WORKER_URL). Several may run; SIGTERM ends one after its job at hand."""
    with local.database_here() as server:
        local.work(local.settings_here(server), tied=tied)


@cli.command(name="bootstrap")
def bootstrap_command(
    print_sql: Annotated[bool, typer.Option("--print-sql", help="Print the SQL for a DBA, run nothing.")] = False,
) -> None:
    """Make roles and database with DATABASE_ADMIN_URL. Safe to repeat."""
    settings = Settings()
    urls = (settings.owner_url, settings.app_url, settings.worker_url)
    database = settings.app_url.rsplit("/", 1)[1].split("?")[0]
    if print_sql:
        for statement in [*role_statements({}), database_statement(database)]:
            out.print(f"{statement};", markup=False)
        out.print("-- then give the three login roles the passwords of your DATABASE_*_URL", markup=False)
        return
    asyncio.run(bootstrap(settings.admin_url, database, passwords_of(*urls)))
    out.print(f"roles and database {database} are ready")


@cli.command(name="migrate")
def migrate_command(revision: str = "head") -> None:
    """Migrate with DATABASE_OWNER_URL, load the reference data and make the first signing key."""
    settings = Settings()
    if settings.has_dev_secret:
        raise local.SetupError("SECRET_KEY is not set: the first signing key is sealed with it")
    asyncio.run(migrate(settings, revision))
    if revision == "head":
        asyncio.run(local.load_basics(settings))
    out.print("migrated")


@cli.command()
def demo() -> None:
    """Load the demo world (示例) into an empty database."""
    with local.database_here() as server:
        asyncio.run(local.load_demo(local.settings_here(server)))
    out.print("demo world loaded")


@cli.command()
def openapi(
    check: Annotated[bool, typer.Option("--check", help="Only compare with the committed file.")] = False,
) -> None:
    """Write openapi/openapi.json, or check that the committed file is what is served."""
    made = create_api(Settings(log_level="CRITICAL")).state.openapi_bytes()
    if not check:
        OPENAPI_FILE.parent.mkdir(exist_ok=True)
        OPENAPI_FILE.write_bytes(made)
    elif not OPENAPI_FILE.exists() or OPENAPI_FILE.read_bytes() != made:
        raise local.SetupError("openapi/openapi.json is not what is served: run `make openapi` and commit it")


@cli.command()
def policy() -> None:
    """Print scopes and roles as the README's table."""
    out.print(as_markdown(), markup=False)


@keys.command("list")
def list_keys() -> None:
    """Show the keys' ids and states."""

    async def command(database: Database, _settings: Settings) -> None:
        async with database.administration() as session:
            for key in await session.scalars(select(SigningKeyRecord).order_by(SigningKeyRecord.created_at)):
                out.print(f"{key.kid}  {key.state}  {key.created_at:%Y-%m-%d %H:%M}", markup=False)

    _with_database(command)


@keys.command("rotate")
def rotate_keys() -> None:
    """Sign with a new key from now on. The old one verifies until it is revoked."""

    async def command(database: Database, settings: Settings) -> None:
        async with database.administration() as session:
            kid = await key_ring.rotate(session, settings.secret_key.get_secret_value(), database.clock.now())
        out.print(f"signing with {kid} within a minute", markup=False)

    _with_database(command)


@keys.command("revoke")
def revoke_key(kid: str) -> None:
    """Stop trusting a retiring key: its tokens end within a minute."""

    async def command(database: Database, _settings: Settings) -> None:
        async with database.administration() as session:
            if not await key_ring.revoke(session, kid):
                raise local.SetupError(f"{kid} is not a retiring key")
        out.print(f"{kid} is revoked", markup=False)

    _with_database(command)


@users.command("create")
def create_user(
    username: str,
    name: Annotated[str, typer.Option(help="The person's name.")],
) -> None:
    """Make a person with an account. The password is read from the terminal, or from LIANGSHAN_PASSWORD."""
    password = os.environ.get("LIANGSHAN_PASSWORD") or typer.prompt(
        "Password", hide_input=True, confirmation_prompt=True
    )
    if weakness := passwords.password_weakness(password, username):
        raise local.SetupError(f"the password is too weak ({weakness})")

    async def command(database: Database, _settings: Settings) -> None:
        hashed = await passwords.hash_password(password)
        async with database.administration() as session:
            person = await registry.add_person(session, name)
            await registry.add_account(session, person.id, username.strip().lower(), hashed)
        out.print(f"{username}: person {person.id}", markup=False)

    _with_database(command)


@users.command("grant")
def grant_user(
    username: str,
    role: Role,
    region: Annotated[str | None, typer.Option(help="Region code, for a region's role.")] = None,
    organisation: Annotated[UUID | None, typer.Option(help="Organisation id, where the role asks for one.")] = None,
) -> None:
    """Give an account's person a role, as the operator (the first administrators can only come from here)."""

    async def command(database: Database, _settings: Settings) -> None:
        async with database.administration() as session:
            person = await session.scalar(select(Account.person_id).where(Account.username == username))
            if person is None:
                raise local.SetupError(f"there is no account {username}")
            await registry.add_grant(session, person, role, region_code=region, organisation_id=organisation)
        out.print(f"{username}: {role}", markup=False)

    _with_database(command)


@clients.command("register")
def register_client(
    client_id: str,
    name: Annotated[str, typer.Option(help="What the system is called.")],
    organisation: Annotated[str, typer.Option(help="Credit code of the organisation that runs it.")],
    source: Annotated[str, typer.Option(help="Name of the source system: with external ids, the match key.")],
    region: Annotated[list[str] | None, typer.Option(help="Region codes; all assessed regions if left out.")] = None,
) -> None:
    """Register another system. Its secret is printed once, as shell assignments, and cannot be shown again."""
    secret = passwords.new_secret()

    async def command(database: Database, _settings: Settings) -> None:
        async with database.administration() as session:
            body = await session.scalar(select(Organisation.id).where(Organisation.credit_code == organisation))
            if body is None:
                raise local.SetupError("no organisation has this credit code")
            known = set(await session.scalars(select(Region.code).where(Region.assessed)))
            if unknown := sorted(set(region or ()) - known):
                raise local.SetupError(f"no such region: {', '.join(unknown)}")
            await registry.add_client(
                session,
                client_id,
                name=name,
                organisation_id=body,
                source_system=source,
                regions=region or sorted(known),
                secret=secret,
            )

    _with_database(command)
    out.print(f"CLIENT_ID={client_id}\nCLIENT_SECRET={secret}", markup=False)


@draws.callback()
def draw() -> None:
    """Keeps `verify` a command of its own while it is the only one."""


@draws.command("verify")
def verify_draw(
    places: Annotated[list[str], typer.Argument(metavar="FILE|URL…", help="Published records (`…/draw-record`).")],
) -> None:
    """Repeat the draws of published records; what a file leaves out cannot be known from it.

    A URL is asked with the bearer token of LIANGSHAN_TOKEN, if it is set.
    """
    found = 0
    for place in places:
        try:
            record = verify.read(place, os.environ.get("LIANGSHAN_TOKEN"))
            faults = verify.faults(record)
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise local.SetupError(f"{place} is not a record of draws ({type(error).__name__})") from error
        for fault in faults:
            out.print(f"{place}: {fault}", markup=False)
        found += len(faults)
        if not faults:
            count = sum(len(panel["draws"]) for panel in record["panels"])
            out.print(f"{place}: {count} draws repeated, list {record['candidates_sha256']}", markup=False)
            for party in ("office", "committee"):
                out.print(f"  {party} committed to {record[party]['commitment']}", markup=False)
    if found:
        raise typer.Exit(1)


def _with_database(command: Callable[[Database, Settings], Awaitable[Result]]) -> Result:
    """Run a command on the worker's role: of DATABASE_WORKER_URL, or of the local database beside `make run`."""

    async def run(settings: Settings) -> Result:
        database = Database(settings.worker_url, pool_size=1)
        try:
            return await command(database, settings)
        finally:
            await database.dispose()

    with local.database_here() as server:
        return asyncio.run(run(local.settings_here(server)))
