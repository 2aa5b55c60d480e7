"""Writes a journal as lines of JSON that a program of 150 lines checks without Concord (verify_journal), and anybody can read."""

from pathlib import Path

from hub import verify_journal
from hub.journal import BEFORE_ALL, Journal


def write(journal: Journal, file: Path) -> tuple[int, str]:
    """Write every event as a line, as it is stored, with the values that are kept of it; last a line with the head. Returns the head.

    The file is there when it is whole. Events that come meanwhile are in the next export.
    """
    draft, head = file.with_name(f".{file.name}.draft"), BEFORE_ALL
    with open(draft, "w", encoding="utf-8", newline="\n") as lines:
        for row, values in journal.stored():
            lines.write(verify_journal.text(row | {"kept": {digest: list(said) for digest, said in values.items()}}) + "\n")
            head = row["seq"], row["hash"]
        lines.write(verify_journal.text({"head": list(head)}) + "\n")
    draft.replace(file)
    return head
