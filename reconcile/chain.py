"""A chain of reasons: what is so, because of what, drawn as a tree or given as a dict."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Link:
    """One sentence and the sentences that it rests on.

    kind   push, plan_line, consent, golden, source, identity, discrepancy, exception, hub_id, rests_on, field, record or hint
    facts  the same for a machine: identifiers and values, sensitive ones hidden
    """

    kind: str
    says: str
    because: tuple["Link", ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "says": self.says, **self.facts, "because": [each.as_dict() for each in self.because]}


@dataclass(frozen=True)
class Chain:
    """What is known of a record or a hub id. `found` is False when there is no such thing; the links then say what is similar."""

    subject: str
    found: bool
    links: tuple[Link, ...] = ()

    def lines(self) -> list[str]:
        """The tree, line by line."""
        return [self.subject, *_drawn(self.links, "")]

    def as_dict(self) -> dict[str, Any]:
        return {"subject": self.subject, "found": self.found, "links": [each.as_dict() for each in self.links]}


def _drawn(links: tuple[Link, ...], margin: str) -> list[str]:
    lines = []
    for number, each in enumerate(links, 1):
        last = number == len(links)
        lines += [f"{margin}{'└' if last else '├'} {each.says}", *_drawn(each.because, margin + ("  " if last else "│ "))]
    return lines
