"""Ownership becomes SQL: each field's surviving value, and which record gave it."""

from sqlmesh import macro

from macros.canonical import firm_rules, members_of, record_columns, typed


def by_state(entity, field_rules, render):
    """SQL that holds for every life-cycle state: what `render` makes of the rule of that state."""
    if len(field_rules) == 1:
        return render(field_rules[0])
    cases = " ".join(f"WHEN {entity.life_cycle.index(state) + 1} THEN {render(rule)}" for rule in field_rules for state in rule.states)
    # Nobody says how far it has come: the rules of the first state, so that a name that one system alone knows survives.
    return f"CASE COALESCE(h.furthest, 1) {cases} END"


def value_columns(name, field):
    """The columns of a field as identity and golden have them: references are hub ids there."""
    return {f"{name}_id": "TEXT"} if field.type == "reference" else field.columns(name)


def first(rule, roles, columns, value):
    """The first of a rule's roles that says anything on these columns: its `value`."""
    says = {role: " OR ".join(f"{role}.{column} IS NOT NULL" for column in columns) for role in rule.order if role in roles}
    cases = " ".join(f"WHEN {test} THEN {role}.{value}" for role, test in says.items())
    return f"CASE {cases} END" if cases else "NULL"


def field_columns(entity, name, field, field_rules, roles):
    """The golden columns of one field: its parts, and the record that gave them."""
    columns = value_columns(name, field)
    says = field.says.replace("*/", "")
    if field_rules[0].is_furthest:
        return [
            f"{entity.life_cycle}[h.furthest]::TEXT AS {name} /* {says} */",
            f"h.furthest_ref::TEXT AS {name}_from /* The record that gave {name}. */",
        ]
    made = []
    for column, kind in columns.items():
        survived = by_state(entity, field_rules, lambda rule, column=column: first(rule, roles, columns, column))
        made.append(f"COALESCE(TRY_CAST(p.pins['{column}'] AS {kind}), {survived})::{kind} AS {column} /* {says} */")
    pinned = " OR ".join(f"p.pins['{column}'] IS NOT NULL" for column in columns)
    given = by_state(entity, field_rules, lambda rule: first(rule, roles, columns, "record_ref"))
    return [*made, f"CASE WHEN {pinned} THEN 'pin' ELSE {given} END::TEXT AS {name}_from /* The record that gave {name}. */"]


def furthest(entity):
    """How far each hub's furthest record is, and which record that is."""
    if not entity.life_cycle:
        return "1 AS furthest, NULL AS furthest_ref"
    position = f"list_position({entity.life_cycle}, life_cycle)"
    # Of several that are as far, always the same one: whatever comes first would be another in a rebuild.
    return f"max({position}) AS furthest, arg_min(record_ref, {{'far': -{position}, 'ref': record_ref}}) FILTER (WHERE {position} IS NOT NULL) AS furthest_ref"


@macro()
def golden(evaluator, entity):
    """One row a hub id: the surviving values of its live records, with provenance."""
    the_rules = firm_rules(evaluator)
    known, roles, owner = the_rules.entities[entity.name], the_rules.roles(entity.name), the_rules.owner(entity.name)
    made = [column for name, field in known.fields.items() for column in field_columns(known, name, field, owner.rules(name), roles)]
    filled = " + ".join(f"({column} IS NOT NULL)::INT" for name, field in known.fields.items() for column in value_columns(name, field))
    joins = " ".join(f"LEFT JOIN best AS {role} ON {role}.hub_id = h.hub_id AND {role}.role = '{role}'" for role in roles)
    return f"""
      WITH member AS (
        SELECT * FROM {members_of(evaluator, entity.name)} WHERE is_live
      ), best AS (
        SELECT * FROM member
        QUALIFY row_number() OVER (PARTITION BY hub_id, role ORDER BY (hub_id_said = hub_id) DESC NULLS LAST, {filled} DESC, record_ref) = 1
      ), hub AS (
        SELECT hub_id, count(*) AS record_count, {furthest(known)} FROM member GROUP BY hub_id
      ), pin AS (
        SELECT hub_id, map(list(column_name ORDER BY column_name), list(value ORDER BY column_name)) AS pins
        FROM (
          SELECT x.hub_id, p.column_name, p.value
          FROM journal.pin AS p
          JOIN journal.crossref AS x ON x.record_ref = p.record_ref
          QUALIFY row_number() OVER (PARTITION BY x.hub_id, p.column_name ORDER BY p.seq DESC) = 1  -- merged records may both be pinned
        ) AS latest
        GROUP BY hub_id
      )
      SELECT h.hub_id::TEXT AS hub_id /* The hub's stable id. */, h.record_count::BIGINT AS record_count /* Live records behind it. */, {", ".join(made)}
      FROM hub AS h
      {joins}
      LEFT JOIN pin AS p ON p.hub_id = h.hub_id"""


@macro()
def members(evaluator, entity):
    """The canonical records with their hub id, and their references as hub ids."""
    known = firm_rules(evaluator).entities[entity.name]
    references = {name: field for name, field in known.fields.items() if field.type == "reference"}
    columns = (
        record_columns(known)
        | {"hub_id": ("TEXT", "The hub id of its cluster.")}
        | {f"{name}_id": ("TEXT", f"{field.says} As hub id.") for name, field in references.items()}
    )
    ids = "".join(f", {name}_x.hub_id AS {name}_id" for name in references)
    joins = " ".join(f"LEFT JOIN journal.crossref AS {name}_x ON {name}_x.record_ref = c.{name}_ref" for name in references)
    return typed(
        columns,
        f"""
      SELECT c.*, x.hub_id{ids}
      FROM canonical.{entity.name} AS c
      JOIN journal.crossref AS x ON x.record_ref = c.record_ref
      {joins}""",
    )
