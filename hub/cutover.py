"""Which of several systems of one role plays it, for which records: a cut-over from one to the next, by legal entity and day."""

from datetime import date, timedelta
from itertools import combinations

from pydantic import Field as Setting, model_validator

from hub.entity import Entity
from hub.errors import ConfigurationWrong
from hub.ownership_rule import ELSEWHERE, LEGAL_ENTITY, Bound, legal_entities


class Play(Bound):
    """A system that plays a role for some records: those of a legal entity, with a day of their own in these bounds; or all others."""

    system: str
    rest: bool = Setting(False, alias="else")

    @model_validator(mode="after")
    def _bound_or_rest(self) -> "Play":
        if self.rest == bool(self.legal_entities or self.days) or ELSEWHERE in self.legal_entities:
            raise ValueError(f"{self.system}: say `in`, `from`, `until`, or `else: true`, which is all that no other line names")
        return self


def prove(where: str, lines: tuple[Play, ...]) -> None:
    """Nothing, where every record has one destination. Raises ConfigurationWrong with a record that would have two, or none."""
    if sum(line.rest for line in lines) != 1:
        raise ConfigurationWrong(
            f"{where}: a record without legal entity and day goes nowhere, or to two; give it exactly one `else: true`"
        )
    for (one, first), (two, second) in combinations([each for each in enumerate(lines, 1) if not each[1].rest], 2):
        shared = [
            legal_entity
            for legal_entity in (*legal_entities(lines), None)
            if first.covers(legal_entity, ()) and second.covers(legal_entity, ())
        ]
        days = [day for each in (*first.days, *second.days) for day in (each, each - timedelta(days=1))] or [date.max]
        for legal_entity, day in ((legal_entity, day) for legal_entity in shared for day in days if first.runs(day) and second.runs(day)):
            raise ConfigurationWrong(
                f"{where}: a record in {legal_entity or 'any other legal entity'} on {day} has two destinations: "
                f"{first.system} (line {one}), {second.system} (line {two}); give it exactly one"
            )


def prove_for(role: str, lines: tuple[Play, ...], known: Entity, owner, holding: set[str]) -> None:
    """The same of one entity. holding: the role's systems that hold it."""
    is_needed = role in owner.must_exist or bool(owner.posted and owner.posted.ledger == role)
    where = f"cutover {role}: {known.entity}"
    if lost := sorted({line.system for line in lines} - holding) if is_needed else []:
        raise ConfigurationWrong(f"{where} that goes to {lost[0]} has no destination, for that holds none; map it in its system.yaml")
    if any(line.legal_entities for line in lines) and LEGAL_ENTITY not in known.fields and not known.follows:
        raise ConfigurationWrong(f"{where} has no {LEGAL_ENTITY}, so where it goes can't be told; say in its entity what it `follows`")
    for field in filter(None, (known.dated, known.follows)):
        if any(rule.legal_entities or rule.by != "source order" for rule in owner.rules(field)):
            raise ConfigurationWrong(f"{where} is told apart by {field}, so its own rules have no `in` and no `by`; take them out")
