"""Many more seeds: `python -m tests.simulation.soak --seeds 10000 --jobs 2 [--first N]`."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.run import simulate

CHUNK = 50


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    chunks = range(options.first, options.first + options.seeds, CHUNK)
    end, done, started = options.first + options.seeds, 0, time.monotonic()
    with ProcessPoolExecutor(options.jobs) as pool:
        for failures in pool.map(_run, chunks, [min(first + CHUNK, end) for first in chunks]):
            done += CHUNK
            print(
                f"{min(done, options.seeds)} of {options.seeds} seeds, {time.monotonic() - started:.0f} s",
                flush=True,
            )
            if failures:
                print("\n\n".join(failures))
                return 1
    return 0


def _run(first: int, end: int) -> list[str]:
    failures = []
    for seed in range(first, end):
        try:
            simulate(seed)
        except AssertionError as error:
            failures.append("\n".join([str(error), *getattr(error, "__notes__", [])]))
    return failures


if __name__ == "__main__":
    sys.exit(main())
