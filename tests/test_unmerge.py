"""A merge that is taken back leaves nothing behind: ids, golden values and references are as had it never been.

CONCORD_EXAMPLES says how many histories are tried, one by default.
"""

import os
import random
from collections.abc import Callable

import pytest
from small_firm import Small
from test_decide import deciding

from assets import rebuild
from hub import store
from reconcile import decide

A, B = "crm:Account:1", "crm:Account:2"
THINGS = [(f"{name} GmbH", f"{name.lower()}.example") for name in ("Brindle", "Tarnfield", "Quillon", "Ostwald", "Fenwright", "Lindholm")]
TURNS, EVENTS = 10, 20  # 200 events come after the merge
SEEDS = range(1, 1 + int(os.environ.get("CONCORD_EXAMPLES", "1")))
WHEN = ("golden.cell", "identity.customer")  # these tell since when each value is what it is
COMPARED = ("golden.customer", "golden.invoice", "golden.cell", "identity.customer", "journal.crossref")


def a_firm(folder) -> Small:
    made = Small(folder)
    for ref, (name, website) in zip((A, B, "erp:Customer:1", "erp:Customer:2"), [THINGS[0], THINGS[1], THINGS[0], THINGS[1]]):
        made.say(ref, Name=name, Website=website)
    made.turn()
    return made


class Life:
    """What happens in a firm afterwards, the same for the same seed: the merge itself is no part of it."""

    def __init__(self, seed: int, is_elsewhere: bool):
        self.chance, self.refs = random.Random(seed), [A, B, "erp:Customer:1", "erp:Customer:2"]
        self.things, self.edited = (THINGS[2:], []) if is_elsewhere else (THINGS, self.refs)
        self.later: list[str] = []

    def happens(self, small: Small) -> None:
        event = self.chance.choice(
            [self.comes, self.comes, self.changes, self.changes, self.refers, self.goes, self.is_parted, self.is_pinned]
        )
        event(small)

    def comes(self, small: Small) -> None:
        name, website = self.chance.choice(self.things)
        table, number = self.chance.choice(["crm:Account", "erp:Customer"]), len(self.refs) + len(self.later) + 1
        self.later.append(small.say(f"{table}:{number}", Name=name, Website=website, Phone=self.phone()))

    def changes(self, small: Small) -> None:
        if not self.edited + self.later:
            return self.comes(small)
        ref, (name, website) = self.chance.choice(self.edited + self.later), self.chance.choice(self.things)
        small.say(ref, **self.chance.choice([{"Name": name, "Website": website}, {"Phone": self.phone()}, {"Industry": name}]))

    def refers(self, small: Small) -> None:
        customer = self.chance.choice([ref for ref in self.refs + self.later if ref.startswith("erp")]).split(":")[2]
        small.say(f"erp:Invoice:{self.chance.randrange(5)}", Number=f"R-{customer}", Amount="12.00", Currency="EUR", Customer=customer)

    def goes(self, small: Small) -> None:
        if self.later:
            small.say(self.chance.choice(self.later), Gone=self.chance.choice([True, False]))

    def is_parted(self, small: Small) -> None:
        if len(self.later) > 1:
            one, other = sorted(self.chance.sample(self.later, 2))
            body = {"entity": "customer", "left_ref": one, "right_ref": other, "verdict": self.chance.choice(["different", "undone"])}
            small.note("match.decided", f"{one} {other}", **body)

    def is_pinned(self, small: Small) -> None:
        ref = self.chance.choice(self.refs)
        small.note("value.pinned", ref, record_ref=ref, column="industry", value=self.chance.choice([None, "Works", "Trade"]))

    def phone(self) -> str:
        return f"+49 30 {self.chance.randrange(3) + 1234567}"


def lived(folder, life: Life, before: Callable[[Small], object], after: Callable[[Small], object]) -> Small:
    """A firm that a merge befell, 200 events later, and then its end."""
    small = a_firm(folder)
    before(small)
    small.turn()
    for _ in range(TURNS):
        for _ in range(EVENTS):
            life.happens(small)
        small.turn()
    after(small)
    small.turn()
    return small


def content(small: Small) -> dict[str, tuple[int, str]]:
    with store.writing(small.firm.hub_file) as connection:
        found = rebuild.hashes(connection)
    return {table: found[table] for table in COMPARED}


def nothing(small: Small) -> None:
    """The history without the merge."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_stewards_merge_that_is_taken_back_leaves_nothing_behind(tmp_path, seed):
    def merge(small):
        deciding(small, decide.merge, "C-000001", "C-000002", actor="Bob")

    def take_back(small):
        assert small.ties()[A] == small.ties()[B]
        deciding(small, decide.undo, actor="Bob")

    merged = lived(tmp_path / "merged", Life(seed, is_elsewhere=False), merge, take_back)
    never = lived(tmp_path / "never", Life(seed, is_elsewhere=False), nothing, nothing)

    assert merged.ties() == never.ties()
    assert content(merged) == content(never)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_merge_by_evidence_that_ends_gives_both_sides_what_they_had(tmp_path, seed):
    def one_number(small):
        small.say(A, Vat="DE136695976")
        small.say(B, Vat="DE136695976")

    def none(small):
        assert small.ties()[A] == small.ties()[B]
        small.say(B, Vat=None)

    merged = lived(tmp_path / "merged", Life(seed, is_elsewhere=True), one_number, none)
    never = lived(
        tmp_path / "never", Life(seed, is_elsewhere=True), lambda small: small.say(A, Vat="DE136695976"), lambda small: small.say(B)
    )

    assert merged.ties() == never.ties()
    said, expected = content(merged), content(never)
    for table in WHEN:  # the number was there for a while, and that is known
        assert said.pop(table)[0] == expected.pop(table)[0]
    assert said == expected
