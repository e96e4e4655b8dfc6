"""The house rules that no linter knows: one place that commits, one door for errors, rooms of a size."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "app").rglob("*.py"))


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_database_module_commits(path: Path) -> None:
    called = set(_calls(ast.parse(path.read_text(encoding="utf-8"))))
    if path != ROOT / "app" / "core" / "db.py":
        assert not called & {"commit", "rollback"}


def test_http_errors_are_raised_nowhere() -> None:
    raising = [
        path
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise) and "HTTPException" in ast.dump(node)
    ]
    assert raising == []


def test_no_http_below_the_dependencies() -> None:
    """Services, repositories and rules know nothing of requests (core and auth carry the framework's edge)."""
    importing = []
    for path in SOURCES:
        inside = path.relative_to(ROOT / "app")
        if path.stem not in {"service", "repository", "rules"} or inside.parts[0] in {"core", "auth"}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.split(".")[0] in {"fastapi", "starlette"} for name in names):
                importing.append(inside)
    assert importing == []


def test_rooms_stay_small_and_have_names() -> None:
    every = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))]
    assert [path for path in every if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []
    assert [path for path in SOURCES if path.stem in {"utils", "helpers", "common", "manager"}] == []


def test_nothing_hides_the_migration_library() -> None:
    """An `__init__.py` in `alembic/` would make the folder a package and hide the library of that name."""
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_no_lock_file_carries_an_address() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not {"uv.lock", "poetry.lock", "pylock.toml"} & set(tracked)
    for lock in sorted(ROOT.glob("requirements*.lock")):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        assert text.count("--hash=sha256:") >= text.count("==")
