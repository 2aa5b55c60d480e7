"""`python one_turn.py PROJECT`: turns the loop over a firm until it is killed, approving all that waits for consent."""

import sys
from pathlib import Path

from assets import correct, observe, understand
from hub import firm, journal, store
from reconcile import plan

the_firm = firm.read(Path(sys.argv[1]))
entries = journal.open(the_firm.journal)
print("started", flush=True)
while True:
    for name in the_firm.systems:
        observe.observe(the_firm, name, entries)
    understand.understand(the_firm, entries)
    correct.make_plan(the_firm, entries)
    with store.writing(the_firm.hub_file) as connection:
        present = plan.read(connection)
    plan.approve(entries, present, present.hash, "controller")
    for name in the_firm.systems:
        correct.push_system(the_firm, name, entries)
