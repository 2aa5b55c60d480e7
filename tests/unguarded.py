"""A journal with nobody at its door: as a forger would write it, and as earlier versions of the hub did."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from hub.door import Door


@contextmanager
def unguarded() -> Iterator[None]:
    """Let every event be recorded while the `with` block lasts."""
    with mock.patch.object(Door, "check", lambda *_: None):
        yield
