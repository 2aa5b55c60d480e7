"""`python -m tests.simulation.run SEED ...`, or `--first 0 --count 2000 --jobs 2`: plays seeds of the simulation.

One seed tells its story. Many tell only of those that broke a promise, and how to play each alone; the command ends with 1 then.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

FAILED_BEFORE = Path(__file__).parent / "seeds.txt"


def main() -> int:
    wanted = _arguments()
    if wanted.jobs > 1:
        return _shared_out(wanted)
    from tests.simulation import seeds  # it takes over this process

    failed, began, excused = [], time.time(), 0
    for number, seed in enumerate(_chosen(wanted), start=1):
        played = seeds.play(seed)
        if number % 100 == 0:
            print(f"{number} seeds played in {time.time() - began:.0f} s", flush=True)
        excused += played.excused
        if played.broken or seed in wanted.seeds:
            _tell(played)
        failed += [seed] if played.broken else []
        if len(failed) >= wanted.most:
            break
    if wanted.count:
        print(
            f"{wanted.count} seeds in {time.time() - began:.0f} s, {len(failed)} broke a promise; {excused} edits beyond what a system guards",
            flush=True,
        )
    return bool(failed)


def known() -> list[int]:
    """The seeds that ever failed."""
    return [int(line.split()[0]) for line in FAILED_BEFORE.read_text().splitlines() if line[:1].isdigit()]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="*", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--step", type=int, default=1, help="every n-th seed only")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--most", type=int, default=10, help="stop after so many failures")
    parser.add_argument("--known", action="store_true", help="play those of seeds.txt, too")
    return parser.parse_args()


def _chosen(wanted: argparse.Namespace) -> list[int]:
    return [*wanted.seeds, *(known() if wanted.known else ()), *range(wanted.first, wanted.first + wanted.count, wanted.step)]


def _shared_out(wanted: argparse.Namespace) -> int:
    """The same seeds, shared out to processes of their own, at low priority: others have work to do."""
    os.nice(10)
    command = [
        sys.executable,
        "-m",
        "tests.simulation.run",
        "--count",
        str(wanted.count),
        "--step",
        str(wanted.jobs),
        "--most",
        str(wanted.most),
    ]
    parts = [
        subprocess.Popen([*command, "--first", str(wanted.first + number), *(["--known"] if wanted.known and not number else [])])
        for number in range(wanted.jobs)
    ]
    return max(part.wait() for part in parts)


def _tell(played) -> None:
    print(f"seed {played.seed}, digest {played.digest}: `python -m tests.simulation.run {played.seed}`")
    for line in played.story:
        print(f"  {line}")
    for line, count in Counter(played.broken).items():
        print(f"  BROKEN{f' {count} times' if count > 1 else ''}: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
