"""`make bench`: each figure is a ratio to the bare limit, measured in the same run on the same server.

A ratio of 0.5 means: twice the time of the bare thing. Nothing here passes or fails.
"""

import argparse
import asyncio
import multiprocessing
import tempfile
from pathlib import Path

from tests.bench.push import measure_push
from tests.ground import make_ground


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows of a push")
    rows: int = parser.parse_args().rows
    multiprocessing.set_start_method("forkserver")
    with tempfile.TemporaryDirectory() as folder, make_ground(None, Path(folder), durable=True) as ground:
        for line in asyncio.run(measure_push(ground, rows)):
            print(line)


if __name__ == "__main__":
    main()
