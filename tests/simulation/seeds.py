"""Plays a seed: an opening of a firm, steps that go wrong as the seed has it, and the quiet in which everything must come right.

The same seed plays the same story, to the byte: `digest` tells.
"""

import hashlib
import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from random import Random

from reconcile import lease
from tests.simulation.machine import MACHINE
from tests.simulation.people import People
from tests.simulation.wire import READ_FAULTS, WRITE_FAULTS, Schedule
from tests.simulation.world import World

OPENINGS = 24
CYCLES = 2  # after the last fault, until no system is written to any more
# The steps between two quiet times. A push without a look before it is rare in life, and where most can go wrong.
DAYS = (
    ["push"],
    ["push", "push"],
    ["push", "push"],
    ["push", "look", "push"],
    ["two workers"],
    ["two workers", "push"],
    ["turn"],
    ["push", "turn at once"],
    ["look again", "push"],
)
# How many points of each kind a step has, about: it may die at any of them. One that has fewer goes on to its end.
POINTS = {
    "push": {"wire": 12, "journal": 18, "hub": 70},
    "two workers": {"wire": 20, "journal": 30, "hub": 130},
    "turn": {"wire": 26, "journal": 30, "hub": 260, "snapshot": 18},
    "turn at once": {"wire": 26, "journal": 30, "hub": 260, "snapshot": 18},
    "look": {"wire": 15, "journal": 4, "hub": 75, "snapshot": 12},
    "look again": {"wire": 13, "journal": 4, "hub": 60, "snapshot": 12},
}


@dataclass(frozen=True)
class Played:
    """A seed that was played: what broke, what happened, and the digest of all that came of it."""

    seed: int
    broken: list[str]
    story: list[str]
    digest: str
    excused: int


@cache
def world(name: str) -> World:
    return World(name)


def play(seed: int) -> Played:
    """Play one seed, in a world that other seeds of this process were played in before."""
    here = world("both" if seed % 10 == 0 else ("customers", "invoices")[seed % 2])
    draw = Random(f"seed {seed}")
    here.open(draw.randrange(OPENINGS))
    MACHINE.reset(
        Random(f"machine {seed}"), here.machine_at + timedelta(hours=draw.choice([0, 0, 0, -2, 3]))
    )  # the clock may be put back, or forward
    here.people = People(here.simulators, here.holds, Random(f"people {seed}"), here.judge, first=500)
    try:
        _disturbed(here, draw)
        broken = _quiet(here, draw)
    except Exception as failure:  # whatever the hub fails with, unasked, is what we look for
        here.story += traceback.format_exc().splitlines()[-12:]
        broken = [*here.judge.broken, f"{type(failure).__name__}: {failure}"]
    return Played(seed, broken, here.story, _digest(here), len(here.judge.excused))


def _disturbed(here: World, draw: Random) -> None:
    """Some steps, with people in between, and everything that may go wrong."""
    here.wire.reset(_schedule(here, draw))
    steps: dict[str, Callable[[], object]] = {
        "push": here.push,
        "turn": here.turn,
        "look": here.observe,
        "look again": lambda: here.observe(full=True),
        "two workers": here.two_workers,
        "turn at once": here.turn,
    }
    for what in draw.choice(DAYS):
        if what == "turn at once":  # a plan is made of what is on its way, and is not as it was sent
            here.story.append(here.people.corrects_what_is_new())
        else:
            MACHINE.at += timedelta(seconds=draw.choice([1, 90, 1200]))  # what is in doubt may be looked for after 60
        if draw.random() < 0.5:
            here.story.append(here.people.act())
        _befall(draw, what)
        here.attempt(what, steps[what])


def _befall(draw: Random, what: str) -> None:
    """Draw what befalls the process in a step: nothing, its death, or a full disk, at one of its points."""
    MACHINE.calm()
    chance = draw.random()
    kind = draw.choice(sorted(POINTS[what]))
    at = draw.randrange(1, POINTS[what][kind] + 1)
    if chance < 0.35:
        MACHINE.kill = kind, at
    elif chance < 0.45 and kind != "wire":
        MACHINE.full = kind, at


def _schedule(here: World, draw: Random) -> Schedule:
    """What befalls each request. A write is rare, so that every second goes wrong; what people do may come at any point."""
    reads = {number: draw.choice(READ_FAULTS) for number in range(1, 60) if draw.random() < 0.06}
    writes = {number: draw.choice(WRITE_FAULTS) for number in range(1, 20) if draw.random() < 0.5}
    people = {number: lambda: here.story.append(f"meanwhile: {here.people.act()}") for number in range(1, 60) if draw.random() < 0.05}
    rival = lambda *write: here.story.append(f"in that moment: {here.people.rival(*write)}")
    return Schedule(reads, writes, people, {number: rival for number in range(1, 20) if draw.random() < 0.15})


def _quiet(here: World, draw: Random) -> list[str]:
    """No faults and no people any more: at most CYCLES cycles later nothing is written, and nothing is left that is due."""
    here.wire.calm()
    MACHINE.calm()
    MACHINE.at += lease.LASTS  # what a dead worker leased is free again, and what was in doubt is to be believed
    if draw.random() < 0.5:
        here.replay_all()
        here.story.append("people had what is held tried again")
    for number in range(1, CYCLES + 2):
        here.judge.began = here.wire.requests
        written = here.turn()
        MACHINE.at += timedelta(seconds=200)
        here.story.append(f"cycle {number}: {written} writes")
        left = [f"cycle {number} after the last fault still wrote {written} times"] if written else _left(here)
        if not left:
            break
    return here.judge.at_rest(here.hub) + left


def _left(here: World) -> list[str]:
    """What is due at rest, on its way, or held and no person is told of."""
    under_way = here.hub("SELECT push_id, state FROM journal.push WHERE state IN ('intended', 'in_doubt', 'acknowledged')")
    lines = here.hub("""SELECT status, hold, line_id, system, object, record_id, field, base, want FROM work.plan_line
      WHERE status <> 'held' OR hold IS NULL ORDER BY line_id""")
    return [f"never settled: {row}" for row in under_way] + [f"still due at rest, or held without a word: {row}" for row in lines]


def _digest(here: World) -> str:
    """The systems' tables, the journal without its times, and the requests."""
    tables = {" ".join(key): [table.rows, sorted(table.gone)] for key, table in here._tables()}
    events = [[event.kind, event.subject, event.body, event.actor] for event in here.journal.events()]
    told = json.dumps([tables, events, here.wire.log], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]
