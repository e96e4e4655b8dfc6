"""The README is run: its tour as printed, on a server started as a newcomer starts it; its table is the code's."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.auth.policy import as_markdown

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_scopes_is_the_codes() -> None:
    assert as_markdown() in README


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """`python -m app dev` with its own data folder and port; the environment for the tour's shell."""
    folder = tmp_path_factory.mktemp("tour")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_")}
    environment = {**kept, "DATA_DIR": str(folder), "PORT": str(port), "BASE": f"http://127.0.0.1:{port}"}
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "app", "dev"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            _await_ready(environment["BASE"], server, folder / "server.log")
            yield environment
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=60)


def _await_ready(base: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 300  # the first start installs a database and loads a world
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            if httpx.get(f"{base}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail(log.read_text())


_WITH_CURL = pytest.mark.skipif(
    shutil.which("curl") is None, reason="they are written for curl, and there is none here"
)


def _printed(blocks: list[str], environment: dict[str, str]) -> str:
    script = "set -euo pipefail\nmkdir -p .data\n" + "\n".join(blocks)
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@_WITH_CURL
def test_the_tour_runs_as_printed(running: dict[str, str]) -> None:
    blocks = re.findall(r"^```bash tour\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    printed = _printed(blocks, running)
    assert re.search(r"两山备〔\d{4}〕\d+号", printed), printed
    assert '"total":52 "created":52' in printed, printed
    assert '"created":0 "updated":0 "unchanged":52' in printed, printed
    assert "in_library" in printed
    assert re.search(r'"active":true,.*"scope":"imports:read projects:push"', printed), printed
    assert "401 once it is disabled" in printed
    assert '"unknown_parameter"' in printed
    # The recusal: before, the token from before, a new one.
    # The seat is gone; dossier and sheet too, or, where the draw gave no other seat, the scope for any of them.
    assert re.search(r"200 before\n401 the old token\n404 (404 404|403 403) a new one\nin_force\n", printed), printed
    published = [json.loads(line) for line in printed.splitlines() if line.startswith('{"') and '"number":1,' in line]
    assert [document["kind"] for document in published] == ["evaluation_results", "cases"], printed
    assert re.search(r"/draw-record: [3-9] draws repeated, list [0-9a-f]{64}\n", printed), printed
    results, cases = published
    assert {region["region_code"] for region in results["regions"]} == {"152501", "152502", "152527"}
    assert {case["region_code"] for case in cases["cases"]} == {"152526", "152527"}


@_WITH_CURL
def test_the_integration_guide_runs_as_printed(running: dict[str, str]) -> None:
    """Also its example in Python, by a client that was registered a moment ago."""
    guide = (ROOT / "openapi" / "guide" / "integration.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash guide\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    printed = _printed(blocks, {**running, "PYTHON": sys.executable})
    rows = (ROOT / "tests" / "data" / "projects-sample.ndjson").read_text(encoding="utf-8")
    count = rows.count('"region_code": "152501"')
    created = f'"outcome":"succeeded" "total":{count} "created":{count} "updated":0'
    unchanged = f'"outcome":"succeeded" "total":{count} "created":0 "updated":0 "proposed":0 "unchanged":{count}'
    # The dry run and the push; the push again, the workbook, CSV, and CSV compressed.
    assert (printed.count(created), printed.count(unchanged)) == (2, 4), printed
    assert '"pointer":"/primary_mode","code":"invalid_choice"' in printed, printed
    assert '"outcome":"rejected" "total":1 ' in printed, printed
    ended = r"^event: ended\nid: [0-9a-f]{16}\n.*\"total\":1200 \"created\":1200 "
    assert re.search(ended, printed, re.MULTILINE), printed
    assert re.search(r"^(202|409) cancel$", printed, re.MULTILINE), printed
    assert f"dry run: finished succeeded total={count} created=0 updated=0 proposed=0 unchanged={count}" in printed
    assert f"push:    finished partial total={count} " in printed, printed
    wrong = r"^row 0 \(XL-2024-0001\): /primary_mode invalid_choice .+\nexit 1$"
    assert re.search(wrong, printed, re.MULTILINE), printed
    for code in ("idempotency_key_missing", "unknown_parameter"):
        assert f'"code": "{code}"' in printed, printed
    assert printed.rstrip().endswith("active"), printed
