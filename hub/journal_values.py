"""Keeps the values in a journal's bodies beside the chain, which commits to each by a salted hash: so that one can be erased.

In the stored body stands `"~":[digest, names]` in their place. The digest is the SHA-256, in hex, of a random salt followed by
the values as a JSON object; salt and object stand in the table `kept`. Without the salt nobody can find out a value by trying.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from hub.errors import Refused
from hub.verify_journal import PLACE

# What is said of a record or a person in a body, whatever the kind of event: values, and words that may quote them.
KEYS = frozenset({"base", "want", "payload", "value", "message", "hold", "reason", "query", "evidence"})
MARK = "~"
NESTED = (dict, list)
ERASED = "(erased)"
CLEAR = '"(' + "|".join(sorted(KEYS)) + ')":[^n]'  # a value in a body itself, recorded by an earlier version; null says nothing

Kept = dict[str, tuple[str, str]]  # {digest: (salt, values as a JSON object)}
Away = list[tuple[list[str], str]]  # what stands in a body in the place of values, and the values as a JSON object


def put_away(plain: Any, text: Callable[[Any], str], away: Away) -> Any:
    """A plain value without the values under KEYS, which go to `away`, for `seal`. Raises Refused for a key that is the mark."""
    if type(plain) is list:
        return [put_away(each, text, away) if type(each) in NESTED else each for each in plain]
    if type(plain) is not dict:
        return plain
    if MARK in plain:
        raise Refused(f"journal body: the key {MARK!r} stands for values that are kept elsewhere; call it otherwise")
    said = {} if KEYS.isdisjoint(plain) else {key: value for key, value in plain.items() if key in KEYS and value is not None}
    rest = {key: put_away(value, text, away) if type(value) in NESTED else value for key, value in plain.items() if key not in said}
    if said:
        rest[MARK] = sorted(said)
        away.append((rest[MARK], text(said)))
    return rest


def seal(away: Away) -> Kept:
    """Give each of these values a salt, and its body the digest, in front of the names."""
    salts, kept = secrets.token_hex(16 * len(away)), {}  # one call: to ask for 16 bytes takes longer than to hash the values
    for number, (place, said) in enumerate(away):
        salt = salts[32 * number : 32 * (number + 1)]
        digest = sha256((salt + said).encode()).hexdigest()
        place.insert(0, digest)
        kept[digest] = (salt, said)
    return kept


def put_back(body: str, kept: Mapping[str, tuple[str, str]]) -> str:
    """The body as it was said; what is kept no longer reads (erased)."""
    return PLACE.sub(lambda found: _said(found, kept), body) if MARK in body else body


def _said(found: re.Match, kept: Mapping[str, tuple[str, str]]) -> str:
    digest, names = found.groups()
    return kept[digest][1][1:-1] if digest in kept else ",".join(f'{name}:"{ERASED}"' for name in names[1:].split(","))
