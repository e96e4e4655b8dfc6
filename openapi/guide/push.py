"""报送示例 / An example of a push: token, dry run, push, progress, receipt. Needs Python 3.11 and httpx.

    BASE=http://127.0.0.1:8000 CLIENT_ID=… CLIENT_SECRET=… python push.py projects.ndjson

The key is made of what is sent: started again after whatever broke it off, it is the same push, and has one effect.
Exit status: 0 all rows are in, 1 some were rejected (they are printed), 2 the push could not be made.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

TYPES = {
    ".ndjson": "application/x-ndjson",
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
COUNTERS = ("total", "created", "updated", "proposed", "unchanged", "rejected", "not_applied")


class RefusedError(Exception):
    """What the server says is wrong with the request: repeating it will not help."""


class Api:
    """Requests with a token; what is worth another try is tried again, with the same key."""

    def __init__(self, base: str, client_id: str, secret: str) -> None:
        self.http = httpx.Client(base_url=base, timeout=60)
        self.credentials = (client_id, secret)
        self.token = ""

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = options.pop("headers", {})
        for attempt in range(8):
            if not self.token:
                self.log_in()
            try:
                answer = self.http.request(
                    method, path, headers={**headers, "Authorization": f"Bearer {self.token}"}, **options
                )
            except httpx.TransportError as error:
                print(f"no answer ({error}), again", file=sys.stderr)
                time.sleep(2**attempt)
                continue
            if answer.is_success:
                return answer
            problem = answer.json()
            if problem["code"] == "invalid_token":  # over after 15 minutes, or your rights have changed
                self.token = ""
            elif problem["code"] in {"busy", "too_many_requests", "idempotency_in_flight"}:
                time.sleep(int(answer.headers.get("Retry-After", "1")))
            elif problem["code"] == "internal_error":
                time.sleep(2**attempt)
            else:
                raise RefusedError(explained(problem))
        raise RefusedError(f"{method} {path}: given up")

    def log_in(self) -> None:
        answer = self.http.post("/v1/auth/token", data={"grant_type": "client_credentials"}, auth=self.credentials)
        if not answer.is_success:
            raise RefusedError(explained(answer.json()))
        self.token = answer.json()["access_token"]

    def push(self, body: bytes, media_type: str, **query: str) -> dict[str, Any]:
        """The run, once it has ended."""
        asked = json.dumps(query, sort_keys=True).encode()
        key = hashlib.sha256(asked + body).hexdigest()
        headers = {"Content-Type": media_type, "Idempotency-Key": key}
        answer = self.request("POST", "/v1/imports/projects", params=query, content=body, headers=headers)
        if answer.status_code != 202:
            return dict(answer.json())
        place = answer.headers["Location"]
        while True:
            run = self.request("GET", place).json()
            if run["state"] != "queued":
                return dict(run)
            self.watch(place)

    def watch(self, place: str) -> None:
        """Print how far a large push is, until the stream ends. Without it: ask `place` every few seconds."""
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            with self.http.stream("GET", f"{place}/events", headers=headers) as answer:
                for line in answer.iter_lines():
                    if line.startswith("data: ") and (progress := json.loads(line[6:]).get("progress")):
                        print(f"  {progress['step']}: {progress['rows_read']} rows", file=sys.stderr)
        except httpx.TransportError:
            pass
        time.sleep(1)

    def rows(self, run: dict[str, Any], action: str) -> Iterator[dict[str, Any]]:
        cursor: dict[str, str] = {}
        while True:
            query = {"action": action, "limit": "200", **cursor}
            page = self.request("GET", f"/v1/imports/{run['id']}/rows", params=query).json()
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}


def explained(problem: dict[str, Any]) -> str:
    details = "; ".join(f"{e['pointer']} {e['code']} ({e['detail']})" for e in problem.get("errors", ()))
    return f"{problem['status']} {problem['code']} {problem.get('reason', '')} {problem['title']} {details}".strip()


def told(run: dict[str, Any]) -> str:
    counted = " ".join(f"{name}={run[name]}" for name in COUNTERS)
    return f"{run['state']} {run['outcome'] or run['failure'] or ''} {counted}"


def main(path: Path) -> int:
    api = Api(os.environ.get("BASE", "http://127.0.0.1:8000"), os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
    body, media_type = path.read_bytes(), TYPES[path.suffix]
    try:
        print("dry run:", told(api.push(body, media_type, dry_run="true")))
        run = api.push(body, media_type)
        print("push:   ", told(run))
        for row in api.rows(run, "rejected"):
            for error in row["errors"]:
                print(
                    f"row {row['index']} ({row['external_id']}): {error['pointer']} {error['code']} {error['detail']}"
                )
    except RefusedError as error:
        print(f"refused: {error}", file=sys.stderr)
        return 2
    if run["state"] != "finished":
        return 2
    return 1 if run["rejected"] or run["not_applied"] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
