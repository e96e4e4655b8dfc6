"""Roles and database are made once, repaired when asked again, and refused where they cannot carry the product."""

from uuid import uuid4

import asyncpg
import pytest

from app.core.bootstrap import BootstrapError, bootstrap, passwords_of, role_statements
from app.core.config import SettingMissingError, Settings
from app.models.ddl import APP, ENGINE
from tests.ground import Ground


async def test_it_may_run_again(ground: Ground) -> None:
    name = f"liangshan_test_{uuid4().hex[:16]}"
    settings = ground.settings(name)
    passwords = passwords_of(settings.owner_url, settings.app_url, settings.worker_url)
    for _ in range(2):
        await bootstrap(ground.admin_url, name, passwords)
    admin = await asyncpg.connect(ground.admin_url)
    row = await admin.fetchrow(
        "SELECT datcollate, datctype, pg_encoding_to_char(encoding) AS encoding, datdba::regrole::text AS owner "
        "FROM pg_database WHERE datname = $1",
        name,
    )
    await admin.close()
    assert row is not None
    assert tuple(row) == ("C.UTF-8", "C.UTF-8", "UTF8", "liangshan_owner")
    await ground.drop(name)


async def test_the_c_locale_is_refused(ground: Ground) -> None:
    name = f"liangshan_test_{uuid4().hex[:16]}"
    admin = await asyncpg.connect(ground.admin_url)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    await admin.close()
    with pytest.raises(BootstrapError, match="LC_CTYPE"):
        await bootstrap(ground.admin_url, name, {})
    await ground.drop(name)


def test_the_script_never_opens_the_wall() -> None:
    script = role_statements({APP: "it's a password"})
    assert f"ALTER ROLE {APP} PASSWORD 'it''s a password'" in script
    assert not any(f"TO {APP}" in line and line.startswith("GRANT") for line in script)
    altered = [line for line in script if line.startswith("ALTER ROLE") and "LOGIN" in line]
    assert len(altered) == 4
    assert all("NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION" in line for line in altered)
    assert any(line.startswith(f"ALTER ROLE {ENGINE} NOLOGIN") for line in altered)


def test_passwords_come_from_the_addresses_of_our_roles_only() -> None:
    assert passwords_of(f"postgresql://{APP}:p%40ss@host/x", "postgresql://postgres:admin@host/x", None) == {
        APP: "p@ss"
    }


@pytest.mark.parametrize(
    ("stated", "used"),
    [
        ("postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql+asyncpg://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
    ],
)
def test_an_address_is_for_our_driver(stated: str, used: str) -> None:
    assert Settings(database_url=stated).app_url == used


@pytest.mark.parametrize("stated", [None, "mysql://u:p@h/d", "nonsense", ""])
def test_no_address_is_said_by_name(stated: str | None) -> None:
    with pytest.raises(SettingMissingError, match="DATABASE_URL"):
        _ = Settings(database_url=stated).app_url


def test_secrets_are_not_in_the_settings_text() -> None:
    settings = Settings(database_url="postgresql://u:canary@h/d", secret_key="canary-" * 6)
    assert "canary" not in repr(settings)
