"""Starts and stops the processes of real systems on loopback, and keeps what was installed and built in a cache folder."""

import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

CACHE = Path(os.environ.get("CONCORD_CACHE") or Path(__file__).parents[2] / ".cache").resolve()


def run(command: Sequence[str | Path], **options) -> str:
    """What a command prints. Raises RuntimeError with the end of its complaint when it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


@contextmanager
def once(folder: Path) -> Iterator[bool]:
    """Tells whether `folder` must still be made; keeps others waiting meanwhile, and forgets what was made only half."""
    finished = folder / ".finished"
    with alone(folder.name):
        missing = not finished.exists()
        if missing:
            shutil.rmtree(folder, ignore_errors=True)
        yield missing
        if missing:
            finished.touch()


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Keeps every other process on this machine waiting at the same name."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def answering(
    command: Sequence[str | Path], url: str, log: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, patience: float = 90
) -> Iterator[None]:
    """Runs a server from its first answer at `url` to the end of the `with` block, and stops it by its process id."""
    with open(log, "wb") as output:
        server = subprocess.Popen([str(part) for part in command], stdout=output, stderr=output, cwd=cwd, env=env)  # noqa: S603
    try:
        _await_answer(server, url, log, time.monotonic() + patience)
        yield
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _await_answer(server: subprocess.Popen, url: str, log: Path, deadline: float) -> None:
    while True:
        try:
            httpx.get(url, timeout=5, trust_env=False)
            return
        except httpx.TransportError as silent:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no answer at {url}: {log.read_text(errors='replace')[-2000:]}") from silent
            time.sleep(0.1)
