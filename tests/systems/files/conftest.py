"""A folder that files are dropped into."""

import pytest


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "drop"
