"""A loop at rest for each test: made once, then copied."""

import io
import logging
import os

import promises
import pytest
from hypothesis import HealthCheck, settings
from loop import Loop

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
    made.rest()
    broken = promises.broken(made)
    yield made, made.keep(tmp_path_factory.mktemp("kept") / "state") | {"broken": broken}
    made.close()


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
