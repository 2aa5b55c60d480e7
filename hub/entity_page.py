"""Writes docs/entities.md from the YAML of entities, code lists and definitions: `python -m hub.entity_page`."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hub import definition, entity

PAGE = Path(__file__).parent.parent / "docs" / "entities.md"
SHORT = 12  # code lists up to this length are printed in full
HEAD = """# Entities

The canonical kinds of things, made by `python -m hub.entity_page` from `hub/entities/`, `hub/codes/` and `hub/definitions.yaml`:
change those, never this page. A system's objects are mapped to these fields in its `system.yaml`.

- *Strong*: equal values link two records, different valid values forbid a link. *Evidence* is weighed; without any, the number is the identity.
- *At stake*: the money that a discrepancy about it puts at stake.
- *Class* says who may see a field: `public`, `internal`, `confidential` (money, terms), `personal` (about a person),
  `sensitive` (tax numbers, bank accounts, what people cost).
- *Answers* names rows of the requirements, listed again at the end."""


def page() -> str:
    """The whole page."""
    entities, definitions = entity.all_entities(), definition.read()
    parts = [
        HEAD,
        _types(),
        "## All entities\n\n" + _table(["entity", "one row is"], ([f"[{name}](#{name})", each.says] for name, each in entities.items())),
        *map(_entity, entities.values()),
        "## Definitions",
        *(_definition(word, each) for word, each in definitions.items()),
        _code_lists(),
        _rows(covered()),
    ]
    return "\n\n".join(parts) + "\n"


def covered() -> dict[str, list[str]]:
    """Who answers each requirement, {row: [entity or definition]}."""
    answers: dict[str, list[str]] = {}
    for name, each in [*entity.all_entities().items(), *((f"definition of {word}", each) for word, each in definition.read().items())]:
        for row in each.rows:
            answers.setdefault(row, []).append(name)
    return dict(sorted(answers.items()))


def _types() -> str:
    columns = {
        name: ", ".join(f"`{'…_' + part if part else '…'}` {kind}" for part, kind in parts.items()) for name, parts in entity.TYPES.items()
    }
    says = "A field `…` becomes one column or several; a reference's column ends in `_ref`."
    return f"## Types\n\n{says}\n\n" + _table(["type", "columns"], columns.items())


def _entity(each: entity.Entity) -> str:
    facts = {
        "Answers": each.rows,
        "Strong": [f"`{name}`" for name in each.identity.strong],
        "Fallback": [f"`{name}`" for name in each.identity.fallback],
        "Evidence": [f"`{name}`" for name in each.identity.evidence],
        "Life cycle": [f"`{state}`" for state in each.life_cycle],
        "At stake": [f"`{each.at_stake}`"] if each.at_stake else [],
        "Referred to by": [f"[{name}](#{name})" for name, other in entity.all_entities().items() if _refers(other, each.entity)],
    }
    listed = "\n".join(f"- {what}: {', '.join(named)}" for what, named in facts.items() if named)
    fields = ([f"`{name}`", _type(field), field.sensitivity, field.says] for name, field in each.fields.items())
    return f"## {each.entity}\n\n{each.says}\n\n{listed}\n\n" + _table(["field", "type", "class", "meaning"], fields)


def _refers(other: entity.Entity, name: str) -> bool:
    return any(field.to == name for field in other.fields.values())


def _type(field: entity.Field) -> str:
    if field.to:
        return f"reference to [{field.to}](#{field.to})"
    if field.codes:
        return f"code of [{field.codes}](#codes-{field.codes.replace('_', '-')})"
    return field.type + (", as a whole" if field.together else "")


def _definition(word: str, each: definition.Definition) -> str:
    facts = {
        "Formula": each.formula,
        "Unlike": each.unlike,
        "Uses": ", ".join(f"`{use}`" for use in each.uses),
        "Answers": ", ".join(each.rows),
    }
    return f"### {word.replace('_', ' ')}\n\n{each.means}\n\n" + "\n".join(f"- {what}: {says}" for what, says in facts.items())


def _code_lists() -> str:
    used = {field.codes for each in entity.all_entities().values() for field in each.fields.values() if field.codes}
    return "\n\n".join(["## Codes", *map(_code_list, sorted(used))])


def _code_list(name: str) -> str:
    codes = entity.codes(name)
    listed = _table(["code", "meaning"], ([f"`{code}`", says] for code, says in codes.items()))
    return f"### codes {name.replace('_', ' ')}\n\n" + (
        listed if len(codes) <= SHORT else f"{len(codes)} codes, in `hub/codes/{name}.yaml`."
    )


def _rows(answers: dict[str, list[str]]) -> str:
    return "## Requirements answered here\n\n" + _table(["row", "by"], ([row, ", ".join(names)] for row, names in answers.items()))


def _table(head: list[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(_lines(head, rows))


def _lines(head: list[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


if __name__ == "__main__":
    PAGE.write_text(page())
