"""The order of tests: what takes long, or mostly waits, begins first, so that no core is idle at the end."""

FIRST = (
    "test_seeds.py",
    "test_daemon.py",
    "test_cli.py",
    "test_why_match.py",
    "test_creates.py",
    "test_why_write.py",
    "test_asof.py",
    "test_reproduce.py",
)


def pytest_collection_modifyitems(items: list) -> None:
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))
