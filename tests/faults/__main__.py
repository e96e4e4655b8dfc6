"""`make faults`: pushes that are killed at random moments and repeated with their keys; one effect, nothing lost.

Client, server, worker or PostgreSQL die by `kill -9`. A fault, or too few rounds that interrupted anything, is exit 1.
"""

import argparse
import asyncio
import secrets
import signal
import sys
import tempfile
from pathlib import Path

from tests.faults.rounds import play


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=120)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="pushes, victims and moments")
    parser.add_argument("--quiet", action="store_true", help="without a line for each round")
    wanted = parser.parse_args()
    # Whichever way it ends, it takes its PostgreSQL with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    print(f"seed {wanted.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(
            play(
                wanted.rounds, wanted.seed, Path(folder), lambda line: None if wanted.quiet else print(line, flush=True)
            )
        )
    for line in outcome.lines():
        print(line)
    if outcome.hit_share < 0.5:
        print("FAULT too few kills hit anything")
    return 1 if outcome.faults or outcome.hit_share < 0.5 else 0


if __name__ == "__main__":
    sys.exit(main())
