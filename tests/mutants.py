"""`python -m tests.mutants [WORD]`: breaks the protocol of writing in one place at a time, in a copy of the tree, and has the seeds find it.

Each is tried first on the seed that found it last; which one does now is told. Ends with 1 when a mutant survives. WORD chooses the mutants whose name holds it. What runs is a copy; nothing here changes.
"""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from os import environ
from pathlib import Path

from tests.take_guards_out import DOOR, ROOMS, ROOT, _copied

SEEDS = "150"  # most that a mutant may live through


@dataclass(frozen=True)
class Mutant:
    """A line of the protocol, what becomes of it, and the seed that found it last."""

    name: str
    seed: int
    file: str
    text: str
    instead: str
    also: tuple[tuple[str, str, str], ...] = ()  # other guards that would hold in its place: file, text, instead

    @property
    def edits(self) -> list[tuple[str, str, str]]:
        return [(self.file, self.text, self.instead), *self.also]


NO_NEWCOMERS = ("reconcile/precondition.py", "return {record_id for (record_id,) in strangers}", "return set()")
MUTANTS = (
    Mutant(
        "no look before a retry",
        1,
        "reconcile/settle.py",
        "there = connector.find(system.objects[name], [each.hub_id for each in due])",
        "there = {}",
        also=(NO_NEWCOMERS,),  # or the look for newcomers finds what the first look should have
    ),
    Mutant(
        "what is in doubt is due again",
        5,
        "reconcile/plan.py",
        "from hub.projection import UNDER_WAY\n",
        "UNDER_WAY = \"('acknowledged')\"\n",
        also=(DOOR, ("reconcile/lease.py", " OR p.state IN {projection.UNDER_WAY}", "")),
    ),
    Mutant(
        "a create is due again when its values change",
        134,
        "reconcile/plan.py",
        "AND action = 'create'\n) AS p",
        "AND FALSE\n) AS p",
    ),
    Mutant(
        "a write is retried blindly",
        1,
        "hub/systems/http.py",
        "        except httpx.TransportError as failure:\n            raise InDoubt(",
        "        except httpx.TransportError:\n            response = self._request(method, url, headers=headers, **request)\n        except ValueError as failure:\n            raise InDoubt(",
    ),
    Mutant(
        "no precondition",
        13,
        "reconcile/precondition.py",
        "for path, then, now in zip(promised, values[::2], values[1::2]) if then != now",
        "for path, then, now in ()",
    ),
    Mutant(
        "no version goes with a write",
        64,
        "reconcile/correction.py",
        "version = seen[first.record_id].version if first.record_id else None",
        "version = None",
    ),
    Mutant(
        "whole records are put",
        0,
        "reconcile/correction.py",
        "            body = body_of(system, each, correction)\n",
        "            row = seen[first.record_id].row if first.record_id else {}\n"
        "            body = {name: row[name] for name in ('Name', 'Website', 'url', 'companyName') if name in row} | body_of(system, each, correction)\n",
        also=(
            ("reconcile/push.py", "if correction.first.record_id], fields)", "if correction.first.record_id])"),
        ),  # a look at what is to be written alone has no whole records
    ),
    Mutant("what is posted is not held", 3, "macros/outbound.py", "if not rule or system.role != rule.ledger:", "if True:"),
    Mutant("a line does not stand on the status", 29, "reconcile/precondition.py", '{"status", *guards.columns(each.of)}', "set()"),
    Mutant(
        "consent is not checked",
        3,
        "reconcile/push.py",
        "plan.approved(connection, system.system)",
        "[line for line in plan.read(connection).lines if line.system == system.system]",
        also=(DOOR,),
    ),
    Mutant(
        "leases are ignored",
        26,
        "reconcile/lease.py",
        "_taken(connection, journal, leased, since)\n    if taken:",
        "set()\n    if taken:",
        also=(DOOR,),
    ),
    Mutant(
        "the intent is not journaled first",
        0,
        "reconcile/push.py",
        "        way.journal.append([intent(correction) for correction in kept])\n",
        "",
    ),
    Mutant("creates do not wait for newcomers", 409, *NO_NEWCOMERS),
    Mutant(
        "creates do not wait for what a look found",
        746,
        "reconcile/push.py",
        "(unread or precondition.newcomers",
        "(precondition.newcomers",
    ),
    Mutant("what is gone is written", 8564, "reconcile/precondition.py", 'if found.state != "there":', "if False:"),
)


def main() -> int:
    chosen = [mutant for mutant in MUTANTS if " ".join(sys.argv[1:]) in mutant.name]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        for room in (*filter(lambda room: (ROOT / room).exists(), ROOMS), "tests/take_guards_out.py"):
            _copied(ROOT / room, copy / room)
        alive = [mutant for mutant in chosen if not _killed(copy, mutant)]
    print(f"{len(chosen) - len(alive)} of {len(chosen)} mutants are killed")
    return len(alive) > 0


def _killed(copy: Path, mutant: Mutant) -> bool:
    """Whether a seed finds the mutant, and which. One whose line is no longer in its file counts as alive."""
    before = {file: (copy / file).read_text() for file, _, _ in mutant.edits}
    if missing := [file for file, text, _ in mutant.edits if before[file].count(text) != 1]:
        print(f"NOT FOUND  {mutant.name}: {', '.join(missing)}", flush=True)
        return False
    for file, text, instead in mutant.edits:
        (copy / file).write_text(before[file].replace(text, instead))
    told = _played(copy, mutant.seed)
    for file, text in before.items():
        (copy / file).write_text(text)
    broken = next((line.strip() for line in told.splitlines() if line.strip().startswith("BROKEN")), "")
    seed = next((line.split(",")[0] for line in reversed(told.splitlines()) if line.startswith("seed ")), "")
    print(f"{'killed' if broken else 'ALIVE '}  {mutant.name}: {f'{seed}, {broken[:160]}' if broken else told[-300:]}", flush=True)
    return bool(broken)


def _played(copy: Path, first: int) -> str:
    command = [sys.executable, "-m", "tests.simulation.run", str(first), "--count", SEEDS, "--most", "1"]
    return subprocess.run(command, cwd=copy, env=environ | {"PYTHONPATH": str(copy)}, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
