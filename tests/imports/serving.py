"""A server of its own process, by the command that serves."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from httpx import AsyncClient, TransportError

from app.core.config import Settings

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Served:
    base: str
    process: subprocess.Popen[bytes]

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")

    def memory(self) -> int:
        """The most bytes of it that were in memory at once, since the peak was forgotten."""
        told = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        [line] = [line for line in told.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Served]:
    """Its clock is the real one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "DATABASE_URL": settings.app_url.replace("+asyncpg", ""),
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "PUBLIC_URL": settings.public_url,
        "LOG_LEVEL": "CRITICAL",
    }
    command = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)  # noqa: ASYNC220 - it starts beside the loop
    try:
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            async with asyncio.timeout(60):
                while True:
                    assert process.poll() is None
                    with suppress(TransportError):
                        if (await client.get("/readyz")).status_code == 200:
                            break
                    await asyncio.sleep(0.1)
        yield Served(f"http://127.0.0.1:{port}", process)
    finally:
        process.kill()
        process.wait()
