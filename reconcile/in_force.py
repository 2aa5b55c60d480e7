"""The controls and policies in force: those that the journal holds. The files only propose."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.controls import Controls
from hub.errors import ConfigurationWrong, Refused
from hub.journal import Event, Journal
from reconcile.exceptions import Trouble
from reconcile.policies import Policy

KIND = "controls.set"


@dataclass(frozen=True)
class InForce:
    """What lines are judged by. `roles` is {system: role}, which policies and windows speak of."""

    controls: Controls
    policies: tuple[Policy, ...]
    roles: dict[str, str]

    @property
    def body(self) -> dict[str, Any]:
        """As the journal holds it."""
        return {
            "controls": self.controls.model_dump(mode="json", by_alias=True),
            "policies": [policy.model_dump(mode="json") for policy in self.policies],
            "roles": self.roles,
        }


def proposed(controls: Controls, policies: Iterable[Policy], roles: Mapping[str, str]) -> InForce:
    return InForce(controls, tuple(policies), dict(sorted(roles.items())))


def now(journal: Journal) -> InForce | None:
    """What is in force; None when nothing was ever set."""
    found = next(reversed(list(journal.events(kinds=[KIND]))), None)
    if found is None:
        return None
    policies = tuple(Policy.model_validate(each) for each in found.body["policies"])
    return InForce(Controls.model_validate(found.body["controls"]), policies, found.body["roles"])


def put(journal: Journal, wanted: InForce, actor: str = "hub") -> InForce:
    """Put controls and policies in force, if they are others than those that are; returns them.

    Raises ConfigurationWrong when a policy changed and kept its version, Refused when the actor may not: once a
    controller is named, only a controller may.
    """
    present = now(journal)
    if present and present.body == wanted.body:
        return present
    before = {policy.title: policy for policy in present.policies} if present else {}
    if changed := [policy.title for policy in wanted.policies if before.get(policy.title, policy) != policy]:
        raise ConfigurationWrong(f"policy {changed[0]} is not what was journaled under that version; give it the next version")
    journal.append([Event(KIND, "controls", wanted.body, actor)])
    return wanted


def kept(journal: Journal, wanted: InForce) -> tuple[InForce, list[Trouble]]:
    """What is in force for a plan, and what a person has to look into: a proposal that waits for a controller."""
    try:
        return put(journal, wanted), []
    except Refused:
        says = "controls.yaml or policies.yaml is not what is in force; a controller reads `hub controls`, then `hub controls --accept`"
        return now(journal), [Trouble("controls", "controls proposed", says, "controller")]


def is_open(journal: Journal, role: str) -> bool:
    """Whether systems of a role may be written to now."""
    present = now(journal)
    return present is None or present.controls.is_open(role, journal.clock())
