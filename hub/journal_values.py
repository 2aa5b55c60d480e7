"""Keeps the values in a journal's bodies beside the chain, which commits to each by a salted hash: so that one can be erased.

In the stored body stands `"~":[digest, names]` in their place. The digest is the SHA-256, in hex, of a random salt followed by
the values as a JSON object; salt and object stand in the table `kept`. Without the salt nobody can find out a value by trying.
"""

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
    """Take the values under KEYS out of a plain value, for `seal`; returns it. Raises Refused for a key that is the mark."""
    if type(plain) is dict:
        if MARK in plain:
            raise Refused(f"journal body: the key {MARK!r} stands for values that are kept elsewhere; call it otherwise")
        if said := {} if KEYS.isdisjoint(plain) else {key: plain[key] for key in KEYS & plain.keys() if plain[key] is not None}:
            for key in said:
                del plain[key]
            plain[MARK] = sorted(said)
            away.append((plain[MARK], text(said)))
    if type(plain) in NESTED:
        for each in plain.values() if type(plain) is dict else plain:
            if type(each) in NESTED:
                put_away(each, text, away)
    return plain


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
    if MARK not in body:
        return body
    texts = PLACE.split(body)  # text, digest, names, text, …
    texts[1::3] = [_said(digest, names, kept) for digest, names in zip(texts[1::3], texts[2::3])]
    del texts[2::3]
    return "".join(texts)


def _said(digest: str, names: str, kept: Mapping[str, tuple[str, str]]) -> str:
    return kept[digest][1][1:-1] if digest in kept else ",".join(f'{name}:"{ERASED}"' for name in names[1:].split(","))
