"""Checks a journal without Concord: an export (`hub journal export`) or a SQLite file. A program of its own that needs Python alone.

    python verify_journal.py journal.ndjson --head 1234:9f3c…

It prints each event that is not as it was recorded, and what is wrong; the exit code is 0 when nothing is. `--head`: number and
hash of an event, as somebody wrote them down elsewhere. Without them nobody can tell a journal whose end was cut off or that was
made anew. The hash of an event is the SHA-256 of the hash before it and of the JSON array [seq, at_us, actor, kind, subject, body].
Values stand beside an event, and salted hashes of them in its body; they may be missing where a later event says that it erased them.
"""

import argparse
import json
import re
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256

BEFORE_ALL = "0" * 64
COLUMNS = ("seq", "at_us", "actor", "kind", "subject", "body")
PLACE = re.compile(r'"~":\["([0-9a-f]{64})"((?:,"[a-z]+")+)\]')  # the hash of values in a body, and their names


def text(value):
    """The one JSON text of a value: keys in order, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def link(before, event, text=text):
    """The hash of an event that follows the one with the hash `before`; `text` may be a faster writer of the same text."""
    return sha256((before + text([event[column] for column in COLUMNS])).encode()).hexdigest()


def called(event):
    """What an event is called: number, kind, subject, time."""
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=event["at_us"])
    except (TypeError, OverflowError):
        at = f"no time: {event['at_us']!r}"
    return f"event {event['seq']} ({event['kind']} {event['subject']}, {at})"


def findings(read, head=None):
    """(seq, sentence) for all that is wrong. read() gives the events, and a sentence for each that can't be read."""
    erased = {digest: event["seq"] for event in read() if isinstance(event, dict) for digest in said_erased(event)}
    seq, links, wanted = 0, {BEFORE_ALL}, head
    for event in read():
        if isinstance(event, str):
            seq, links = seq + 1, None
            yield seq, event
            continue
        follows = event["seq"] == seq + 1
        if not follows:
            yield event["seq"], f"event {seq + 1} is not where it belongs; {called(event)} stands there"
        fitting = {link(before, event) for before in links} if links and follows else {event["hash"]}
        if event["hash"] not in fitting:
            yield event["seq"], f"{called(event)}: what it says was changed, or its hash: they don't fit each other"
        yield from ((event["seq"], f"{called(event)}: {wrong}") for wrong in wrong_values(event, erased))
        if wanted and wanted[0] == event["seq"]:
            if wanted[1] != event["hash"]:
                yield event["seq"], f"{called(event)}: its hash is not the one that was written down, {wanted[1]}"
            wanted = None
        seq, links = event["seq"], {*fitting, event["hash"]}  # one of the two is right, so that the next event is not blamed
    if wanted:
        yield wanted[0], f"event {wanted[0]}, whose hash was written down, is not there; the journal ends with event {seq}"


def said_erased(event):
    """The digests of the values that an event says it erased."""
    try:
        return json.loads(event["body"])["digests"] if event["kind"] == "values.erased" else ()
    except (ValueError, KeyError):
        return ()


def wrong_values(event, erased):
    """What is wrong with the values beside an event."""
    named, kept = [digest for digest, _ in PLACE.findall(event["body"])], event["kept"]
    for digest in named:
        if digest in kept and sha256("".join(kept[digest]).encode()).hexdigest() != digest:
            yield "a value of it was changed"
        elif digest in kept and digest in erased:
            yield f"values of it that event {erased[digest]} erased are there again"
        elif digest not in kept and digest not in erased:
            yield "values of it are missing, and no event says that it erased them"
    if kept.keys() - set(named):
        yield "values stand beside it that it does not name"


def from_export(path):
    """The events of an export; a sentence for each line that is none, or that is not the head of what stands before it."""
    number, event, last = 0, {}, [0, BEFORE_ALL]
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                event = json.loads(line)
                if text(event).encode() + b"\n" != line or set(event) not in ({"head"}, {*COLUMNS, "hash", "kept"}):
                    raise ValueError
            except (ValueError, TypeError):
                yield f"line {number}, where event {number} belongs, can't be read as it was written"
            else:
                if "head" not in event:
                    last = [event["seq"], event["hash"]]
                    yield event
                elif event["head"] != last:
                    yield f"line {number} says that the last event is {event['head'][0]}, and the line before it is event {last[0]}"
    if "head" not in event:
        yield f"the export ends with line {number}, and its last line should name the head: its end was cut off"


def from_sqlite(path):
    """The events of a SQLite file; a sentence for each that can't be read."""
    opened = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    opened.text_factory = bytes
    has_values = opened.execute("SELECT 1 FROM sqlite_master WHERE name = 'kept'").fetchone()
    values = "SELECT digest, salt, said FROM kept WHERE seq = ?" if has_values else "SELECT 1, 1, 1 WHERE ? IS NULL"
    try:
        for seq, at_us, *words in opened.execute(f"SELECT {', '.join(COLUMNS)}, hash FROM event ORDER BY seq"):  # noqa: S608
            try:
                event = dict(zip((*COLUMNS, "hash"), (seq, at_us, *(word.decode() for word in words)), strict=True))
                event["kept"] = {digest.decode(): [salt.decode(), said.decode()] for digest, salt, said in opened.execute(values, [seq])}
            except (AttributeError, UnicodeDecodeError):
                yield f"event {seq} at {at_us}: a column of it is no text any more"
            else:
                yield event
        if has_values and (stray := opened.execute("SELECT min(seq) FROM kept WHERE seq NOT IN (SELECT seq FROM event)").fetchone()[0]):
            yield f"values are kept of event {stray}, which is not there"
    except sqlite3.DatabaseError as wrong:
        yield f"SQLite can't read on: {wrong}"
    finally:
        opened.close()


def reader(path):
    """A function that reads the events of a file, whatever it is."""
    with open(path, "rb") as file:
        return partial(from_sqlite if file.read(15) == b"SQLite format 3" else from_export, path)


def main():
    asked = argparse.ArgumentParser(description="Check a journal: an export, or a SQLite file.")
    asked.add_argument("file")
    asked.add_argument("--head", help="number:hash of an event that must be there", default="")
    said = asked.parse_args()
    seq, _, hashed = said.head.partition(":")
    is_whole = True
    for _, sentence in findings(reader(said.file), (int(seq), hashed) if seq else None):
        is_whole = False
        print(sentence)
    if is_whole:
        print("every event is as it was recorded")
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
