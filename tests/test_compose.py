"""`compose.yaml` says what the product knows: there is no container engine here, so its words are checked instead."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
import yaml  # type: ignore[import-untyped]
from pydantic import TypeAdapter

from app.cli import cli
from app.core.bootstrap import MINIMUM_VERSION
from app.core.config import Settings
from app.core.migrations import ROOT
from app.models.ddl import APP, OWNER, WORKER
from tests.ground import Ground

TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if name != "postgres"}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
# A value that has no default: without it, compose does not start.
REQUIRED = r"\$\{([A-Z_]+):\?[^}]*\}"


def _environment() -> Iterator[tuple[str, str, str]]:
    for service, stated in SERVICES.items():
        for name, value in stated["environment"].items():
            yield service, name, value


def test_the_services_are_those_that_a_server_needs() -> None:
    assert set(SERVICES) == {"postgres", "bootstrap", "migrate", "serve", "worker"}
    name, _, version = SERVICES["postgres"]["image"].partition(":")
    assert name == "postgres"
    assert int(version) * 10_000 >= MINIMUM_VERSION


def test_every_command_is_one_of_ours() -> None:
    group = typer.main.get_command(cli)
    known = group.commands  # type: ignore[attr-defined] # a group of commands
    for name, service in OURS.items():
        python, module, app, command, *arguments = service["command"]
        assert (python, module, app, command) == ("python", "-m", "app", name)
        options = {option for parameter in known[command].params for option in parameter.opts}
        assert {argument for argument in arguments if argument.startswith("--")} <= options
    stated = re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert stated is not None
    assert TypeAdapter(list[str]).validate_json(stated[1]) == SERVICES["serve"]["command"]
    for name, service in OURS.items():
        assert service["build"] == ".", name


def test_every_name_in_the_environment_is_a_setting() -> None:
    known = {name.upper() for name in Settings.model_fields}
    assert {name for service, name, _ in _environment() if service != "postgres"} <= known
    assert {name for service, name, _ in _environment() if service == "postgres"} == {"POSTGRES_PASSWORD"}


def test_no_secret_stands_in_it_and_none_has_a_default() -> None:
    for service, name, value in _environment():
        if name in {"PUBLIC_URL", "TRUSTED_PROXIES", "WEBHOOK_RECEIVERS"}:
            continue
        bare = re.sub(REQUIRED, "", value)
        assert bare != value, (service, name)
        assert re.fullmatch(r"|postgresql://[a-z_]+:@postgres/[a-z]+", bare), (service, name)
    ignored = subprocess.run(["git", "check-ignore", "-q", ".env"], cwd=ROOT, check=False)
    assert ignored.returncode == 0, ".env must not be committed"


def test_each_process_has_the_role_that_it_needs_and_no_other() -> None:
    roles = {
        service: {
            match[1] for _, name, value in _environment() if _ == service and (match := re.search(r"//(\w+):", value))
        }
        for service in SERVICES
    }
    assert roles == {
        "postgres": set(),
        "bootstrap": {"postgres", OWNER, APP, WORKER},
        "migrate": {OWNER, WORKER},
        "serve": {APP},
        # Large pushes and webhooks act and look as who asked for them: by the requests' role.
        "worker": {APP, WORKER},
    }


def test_they_start_one_after_the_other_and_tell_their_health() -> None:
    waits = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    ended = {"condition": "service_completed_successfully"}
    assert waits == {
        "postgres": {},
        "bootstrap": {"postgres": {"condition": "service_healthy"}},
        "migrate": {"bootstrap": ended},
        "serve": {"migrate": ended},
        "worker": {"migrate": ended},
    }
    assert SERVICES["postgres"]["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    # The image asks for the server's health; what opens no port cannot be asked.
    assert "HEALTHCHECK" in DOCKERFILE
    assert "healthcheck" not in SERVICES["serve"]
    assert all(SERVICES[name]["healthcheck"] == {"disable": True} for name in ("bootstrap", "migrate", "worker"))
    assert {name for name, service in SERVICES.items() if service.get("restart")} == {"postgres", "serve", "worker"}


def _as_compose_would(service: str, ground: Ground, database: str) -> dict[str, str]:
    """The service's environment, with the test's server in the place of compose's."""
    settings = ground.settings(database)
    given = {
        "DATABASE_ADMIN_URL": ground.admin_url,
        "DATABASE_OWNER_URL": settings.owner_url,
        "DATABASE_URL": settings.app_url,
        "DATABASE_WORKER_URL": settings.worker_url,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_")}
    names = {name for found, name, _ in _environment() if found == service}
    return kept | {name: value for name, value in given.items() if name in names}


@pytest.mark.parametrize("service", ["bootstrap", "migrate"])
def test_what_must_end_well_does_so_with_its_own_environment(ground: Ground, service: str) -> None:
    """On a database that is there already, as at every start but the first."""
    database = asyncio.run(ground.clone())
    try:
        done = subprocess.run(
            [sys.executable, "-m", "app", service],
            cwd=ROOT,
            env=_as_compose_would(service, ground, database),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    finally:
        asyncio.run(ground.drop(database))
