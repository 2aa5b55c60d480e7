"""The house keeps its rooms: who may import what, and who may open what."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = [path for room in ("hub", "reconcile", "assets") for path in (ROOT / room).rglob("*.py")]


def users(pattern: str) -> set[str]:
    """Files that hold this pattern, by path from the root."""
    return {str(path.relative_to(ROOT)) for path in SOURCES if re.search(pattern, path.read_text(), re.MULTILINE)}


def test_imports_go_from_assets_to_reconcile_to_hub_and_systems_do_not_know_each_other():
    done = subprocess.run([Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_the_code_is_free_of_what_the_linter_knows():
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "."], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_only_the_store_opens_duckdb_and_only_the_journal_a_database_of_its_own():
    assert users(r"duckdb\.connect\(") == {"hub/store.py"}
    assert users(r"sa\.create_engine\(|sqlalchemy\.create_engine\(") <= {"hub/journal_tables.py"}


def test_only_the_workbench_and_the_simulators_know_a_web_framework():
    strangers = {path for path in users(r"^(from|import) starlette") if not re.match(r"reconcile/web/|hub/systems/|hub/twin/", path)}

    assert strangers == set()


ROOMS = ("hub", "assets", "models", "macros", "materializations", "reconcile", "tests", "benchmarks", "docs")


@pytest.mark.parametrize("word", ["/work/", "/root/", "index-url", "TODO", "FIXME"])
def test_no_file_names_this_machine_or_leaves_work_undone(word):
    paths = [*ROOT.glob("*.*"), ROOT / "Makefile", ROOT / ".ci/run", *(path for room in ROOMS for path in (ROOT / room).rglob("*"))]
    made = {"__pycache__", "node_modules", "state"}  # by tests, and in no checkout
    texts = {path.relative_to(ROOT): path.read_bytes() for path in paths if path.is_file() and not made & {*path.parts}}
    texts.pop(Path(__file__).relative_to(ROOT))

    assert [path for path, text in texts.items() if word.encode() in text] == []
    assert len(texts) > 400
