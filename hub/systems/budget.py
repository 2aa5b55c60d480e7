"""What a system lets us ask of it, by the second and by the day: shared by all workers of this machine that name the same file."""

import threading
from collections.abc import Mapping
from pathlib import Path

from pyrate_limiter import Duration, InMemoryBucket, Limiter, Rate, SQLiteBucket

SPANS = {"per_second": Duration.SECOND, "per_day": Duration.DAY}
PATIENCE = 60  # seconds that a request waits for its turn


class Budget:
    """Makes requests wait for their turn. Thread-safe.

    limits  per_second, per_day; none: every request may go
    file    where all workers count their requests; None: this one counts for itself
    """

    def __init__(self, system: str, limits: Mapping[str, float], file: Path | None):
        self.system, self.limiter = system, _limiter(system, limits, file)
        # To ask the file takes longer than many a request, and two threads that ask it at once wait 50 ms for each other. So of a
        # daily budget some turns more are taken at once, a tenth of what was used until then: no more of them can be left over.
        self.share = 0 if "per_second" in limits else 10
        self.lock, self.used, self.left = threading.Lock(), 0, 0

    def turn(self) -> bool:
        """Wait for a turn, and take it; False when there was none in time."""
        if not self.limiter:
            return True
        with self.lock:
            more = self.used // self.share if self.share and not self.left else 0
            if more and self.limiter.try_acquire(self.system, weight=more, timeout=0):
                self.left = more
            had = self.left > 0 or bool(self.limiter.try_acquire(self.system, timeout=PATIENCE))
            self.left -= self.left > 0
            self.used += had
            return had

    def close(self) -> None:
        """Let go of the file."""
        if self.limiter:
            self.limiter.close()  # a thread of its own keeps the file tidy


def _limiter(system: str, limits: Mapping[str, float], file: Path | None) -> Limiter | None:
    rates = [Rate(int(limits[name]), span) for name, span in SPANS.items() if name in limits]
    if not rates:
        return None
    if not file:
        return Limiter(InMemoryBucket(rates))
    file.parent.mkdir(parents=True, exist_ok=True)
    return Limiter(SQLiteBucket.init_from_file(rates, table=f"budget_{system}", db_path=str(file), use_file_lock=True))
