"""Runs one thing in a process of its own, and tells what it cost: CPU seconds, wall seconds, peak memory."""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Cost:
    """What one run cost. `parts` are CPU seconds of its stages, and `rows` what it worked through, where it has any."""

    cpu: float
    wall: float
    peak_mb: float
    parts: dict[str, float]
    rows: int | None = None


class Clock:
    """Measures what a run does inside `with clock:`, and nothing of what it does before or after."""

    def __init__(self):
        self.cpu, self.wall, self.parts = 0.0, 0.0, {}

    def __enter__(self):
        self._began = _cpu(), time.perf_counter()

    def __exit__(self, *_):
        self.cpu += _cpu() - self._began[0]
        self.wall += time.perf_counter() - self._began[1]

    @contextmanager
    def part(self, name: str):
        """Measure, and note the CPU seconds under a name."""
        before = self.cpu
        with self:
            yield
        self.parts[name] = self.parts.get(name, 0.0) + self.cpu - before


def run(function: str, *arguments: str) -> Cost:
    """What `module.function(clock, *arguments)` cost in a fresh process, below benchmarks/."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.measure", function, *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return Cost(**json.loads(answer.stdout.splitlines()[-1]))


def alternating(times: int, runs: Mapping[str, Callable[[], Cost]]) -> dict[str, Cost]:
    """Each of the runs so many times, in turns, so that a busy minute of the machine strikes all; their medians."""
    found: dict[str, list[Cost]] = {name: [] for name in runs}
    for _ in range(times):
        for name, each in runs.items():
            found[name].append(each())
    return {name: _median(costs) for name, costs in found.items()}


def _median(costs: list[Cost]) -> Cost:
    middle = lambda of: statistics.median(of(cost) for cost in costs)
    parts = {name: middle(lambda cost, name=name: cost.parts[name]) for name in costs[0].parts}
    return Cost(middle(lambda cost: cost.cpu), middle(lambda cost: cost.wall), middle(lambda cost: cost.peak_mb), parts, costs[0].rows)


def _cpu() -> float:
    """CPU seconds of this process, and of those that it started and that have ended."""
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def _peak_mb() -> float:
    """Of this process, or of the largest that it started."""
    # Not ru_maxrss of our own: it may be what our parent had when it started us.
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return max(int(line.split()[1]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def _main(function: str, *arguments: str) -> None:
    module, _, name = function.rpartition(".")
    clock = Clock()
    getattr(import_module(f"benchmarks.{module}"), name)(clock, *arguments)
    print(json.dumps(asdict(Cost(clock.cpu, clock.wall, _peak_mb(), clock.parts))))


if __name__ == "__main__":
    _main(*sys.argv[1:])
