"""A loop at rest for each test: made once, its models compiled once for each version of the rules, then copied."""

import io
import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

import promises
import pytest
from hypothesis import HealthCheck, settings
from loop import Loop

from assets import sqlmesh_project

CACHE = Path(__file__).parent.parent.parent / ".cache" / "simulation"
settings.register_profile(
    "simulation",
    max_examples=int(os.environ.get("CONCORD_EXAMPLES", "4")),
    deadline=None,
    derandomize="CONCORD_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("simulation")


@pytest.fixture(scope="session")
def firm_at_rest(tmp_path_factory):
    made = Loop(tmp_path_factory.mktemp("firm"))
    _compile_once(made)
    made.rest()
    broken = promises.broken(made)
    yield made, made.keep(tmp_path_factory.mktemp("kept") / "state") | {"broken": broken}
    made.close()


def _compile_once(made: Loop) -> None:
    """Compiling the models takes longer than all turns of a test; they change with the rules only."""
    compiled = CACHE / sqlmesh_project.version(made.firm)
    if not compiled.exists():
        made.understand()
        made.journal.close()
        draft = CACHE / f"draft-{os.getpid()}"
        shutil.copytree(made.firm.state, draft)
        with suppress(OSError):  # another process was first: its tables are as good
            draft.rename(compiled)
    made.start_from(compiled)


@pytest.fixture
def loop(firm_at_rest):
    made, kept = firm_at_rest
    return made.back(kept)


@pytest.fixture(scope="session")
def log():
    """All that any library logged, at every level."""
    text = io.StringIO()
    root, handler = logging.getLogger(), logging.StreamHandler(text)
    root.addHandler(handler), root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)


@pytest.fixture(autouse=True)
def nothing_private_is_logged(log, firm_at_rest):
    """Whatever a test of this folder does, and however it goes wrong, the log names no secret and no person."""
    log.seek(0), log.truncate()
    yield
    made, _ = firm_at_rest
    assert [private for private in made.private if private in log.getvalue()] == []
