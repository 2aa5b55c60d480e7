"""Mappings become SQL: every object of every system in the canonical words of its entity."""

from sqlmesh import macro

SOURCE = {
    "record_ref": "system:object:id of the record.",
    "system": "The system that said it.",
    "role": "What the system is to the firm.",
    "object": "Its kind of thing there.",
    "record_id": "Its id there.",
    "hub_id_said": "The hub id that the record carries.",
    "is_live": "Whether it is there and to be seen.",
    "merged_ref": "The record it was merged into there.",
    "first_at": "When it had become what it was as the hub first saw it: by its own stamp, else when that was read.",
    "changed_at": "When it became what it is: by its own stamp, else when that was read.",
    "edited_by": "Who changed it last, as the system names them; the hub itself too.",
    "field_changed_at": "When each column changed that has changed since; one that is empty was cleared then.",
}
KINDS = {"is_live": "BOOLEAN", "first_at": "TIMESTAMP", "changed_at": "TIMESTAMP", "field_changed_at": "MAP(TEXT, TIMESTAMP)"}


def firm_rules(evaluator):
    """The rules of the firm. Their version becomes part of the model's fingerprint: a changed rule makes a new table, another folder does not."""
    from hub import rules  # here and not above: SQLMesh copies what a macro's module imports into every model

    return rules.under(evaluator.var("rules"))


def only_touched(evaluator, column, table="work.touched", key="hub_id"):
    """A filter on the touched keys when the materialization asks for them alone, else TRUE."""
    return f"{column} IN (SELECT {key} FROM {table})" if evaluator.locals.get("touched_only") else "TRUE"


def records_of(evaluator, entity):
    """The records of an entity: those of touched hub ids, gathered in a small table, when these alone are asked for."""
    return f"member_{entity}" if evaluator.locals.get("touched_only") else f"canonical.{entity}"


def members_of(evaluator, entity, referring=False):
    """The same records with their hub ids; referring: with the hub ids of what they refer to, which DuckDB would look for even if nothing read them."""
    if referring and not evaluator.locals.get("touched_only"):
        return f"identity.{entity}"
    return tied(evaluator, records_of(evaluator, entity))


def tied(evaluator, records):
    """Some records with their hub ids; those of touched hub ids have them already."""
    if evaluator.locals.get("touched_only"):
        return records
    return f"(SELECT c.*, x.hub_id FROM {records} AS c JOIN journal.crossref AS x ON x.record_ref = c.record_ref)"


def inward(system, kind, column, field):
    """SQL that reads one mapped column: trimmed, decoded, normal in form, typed."""
    from hub.normal import normal

    if column.const is not None:
        return f"'{column.const}'::{kind}"
    source = f'"{column.source}"' + (f" / {column.per}" if column.per else "")
    if kind != "VARCHAR" and not column.codes:
        return f"({source})::{kind}"
    text = f"nullif(trim({source}), '')"
    if column.codes:
        cases = " ".join(f"WHEN '{theirs}' THEN '{ours}'" for theirs, ours in column.codes.items())
        return f"CASE {text} {cases} END"
    if field.type == "reference":
        return f"'{system.system}:{column.object}:' || {text}"
    return normal(field.type, text)


def joined(mark, *values):
    """SQL for the values as one text, those that are NULL left out.

    Not concat_ws: sqlglot's simplify makes its result NULL as soon as one value is.
    """
    return f"array_to_string([{', '.join(f'({value})::TEXT' for value in values)}], '{mark}')"


def field_of(entity, column):
    """The field that a canonical column belongs to."""
    return next(field for name, field in entity.fields.items() if column in field.columns(name))


def typed(columns, query):
    """The query with its columns cast and described: {column: (type, what it says)}. SQLMesh reads types off the outermost SELECT."""
    listed = ", ".join(f"{name}::{kind} AS {name} /* {says.replace('*/', '')} */" for name, (kind, says) in columns.items())
    return f"SELECT {listed} FROM ({query}) AS q"


def record_columns(entity):
    """The columns of canonical records: where one comes from, then the entity's own."""
    head = {name: (KINDS.get(name, "TEXT"), says) for name, says in SOURCE.items()}
    return head | {name: (kind, field_of(entity, name).says) for name, kind in entity.columns().items()}


def field_stamps(mapped):
    """SQL for when each mapped column changed, by column; NULL for the many records that never changed."""
    stamps = ", ".join(
        f"{{'k': '{name}', 'v': _field_changed_at['{column.source}']}}" for name, (_, column) in mapped.items() if column.source
    )
    return (
        f"CASE WHEN _field_changed_at IS NOT NULL THEN map_from_entries(list_filter([{stamps}], e -> e.v IS NOT NULL)) END"
        if stamps
        else "NULL"
    )


def records(evaluator, the_rules, system, each):
    """One SELECT: the records of one object as rows of its entity."""
    entity, mapped = the_rules.entities[each.of], each.columns()
    external = f"nullif(trim(\"{each.external_id}\"), '')" if each.external_id else "NULL"
    head = [
        f"'{system.system}:{each.name}:' || _id",
        f"'{system.system}'",
        f"'{system.role}'",
        f"'{each.name}'",
        "_id",
        external,
        "COALESCE(_gone, 'not_visible') = 'not_visible'",
        f"'{system.system}:{each.name}:' || _into",
        "_first_at",
        "_changed_at",
        f"nullif(trim(\"{each.edited_by}\"), '')" if each.edited_by else "NULL",
        field_stamps(mapped),
    ]
    columns = [f"{sql} AS {name}" for sql, name in zip(head, SOURCE)]
    columns += [
        f"({inward(system, *mapped[name], field_of(entity, name)) if name in mapped else 'NULL'})::{kind} AS {name}"
        for name, kind in entity.columns().items()
    ]
    # By the id as captured: by record_ref, DuckDB would make the references of all records and only then leave most of them out.
    prefix = f"{system.system}:{each.name}:"
    ids = f"(SELECT substr(record_ref, {len(prefix) + 1}) AS _id FROM work.touched_record WHERE starts_with(record_ref, '{prefix}'))"
    touched = only_touched(evaluator, "_id", ids, "_id")
    return f'SELECT {", ".join(columns)} FROM capture."{system.system}__{each.name}" WHERE {touched}'


@macro()
def entities(evaluator):
    """Blueprints: one model for each entity that a system of the firm holds."""
    found = firm_rules(evaluator).entities
    return "(" + ", ".join(f"(entity := {name})" for name in found) + ",)"


@macro()
def resolved_entities(evaluator):
    """Blueprints: the entities whose records are compared."""
    the_rules = firm_rules(evaluator)
    return "(" + ", ".join(f"(entity := {name})" for name in the_rules.entities if the_rules.is_matched(name)) + ",)"


@macro()
def canonical(evaluator, entity):
    """The records of all objects that hold an entity."""
    the_rules = firm_rules(evaluator)
    found = " UNION ALL ".join(records(evaluator, the_rules, system, each) for system, each in the_rules.objects(entity.name))
    return typed(record_columns(the_rules.entities[entity.name]), found)
