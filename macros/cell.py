"""Golden records cell by cell: who says what on each field, whose value survived, and why."""

from sqlmesh import macro

from macros.canonical import firm_rules, typed
from macros.survivorship import cleared, value_columns

COLUMNS = {
    "entity": ("TEXT", "The kind of thing."),
    "hub_id": ("TEXT", "Which one."),
    "field": ("TEXT", "What is said of it."),
    "value": ("TEXT", "What the record says; JSON by column where a field has several."),
    "record_ref": ("TEXT", "The record; pin when a steward said it."),
    "system": ("TEXT", "Where the record is."),
    "state": ("TEXT", "said; unknown: empty; cleared: empty, and it was not before; absent: its system does not hold the field."),
    "is_winner": ("BOOLEAN", "Whether the golden record has it."),
    "reason": ("TEXT", "Why it won or lost."),
}


@macro()
def cells(evaluator):
    """One row a field of each live record, and one a pinned field, with the reason why its value is golden or not."""
    the_rules = firm_rules(evaluator)
    return typed(COLUMNS, " UNION ALL ".join(of_entity(the_rules, name) for name in the_rules.entities))


def of_entity(the_rules, of):
    """The cells of one entity: what is said, joined with what ownership says of the field, in the state that the thing is in."""
    entity, owner = the_rules.entities[of], the_rules.owner(of)
    return f"""
      SELECT '{of}' AS entity, hub_id, field, value, record_ref, system, state, is_winner, {reason()} AS reason
      FROM (
        SELECT c.*, r.rank, COALESCE(c.record_ref = w.given, FALSE) AS is_winner, w.given, w.won, o.owner, o.how, o.during,
          max(CASE WHEN c.record_ref = w.given THEN r.rank END) OVER cluster AS best,
          max(CASE WHEN c.record_ref = w.given THEN c.role END) OVER cluster AS winner,
          max(CASE WHEN c.record_ref = w.given THEN c.state END) OVER cluster AS won_state,
          COALESCE(bool_or(r.rank = 0) OVER cluster, FALSE) AS has_owner
        FROM ({said(the_rules, of)}) AS c
        JOIN ({surviving(entity, of)}) AS w ON w.hub_id = c.hub_id AND w.field = c.field
        JOIN ({owners(entity, owner)}) AS o ON o.field = c.field AND o.far = c.far AND o.legal_entity = c.legal_entity
        LEFT JOIN ({ranks(entity, owner)}) AS r ON r.field = c.field AND r.far = c.far AND r.legal_entity = c.legal_entity AND r.role = c.role  -- absent: the rule does not name the role
        WINDOW cluster AS (PARTITION BY c.hub_id, c.field)
      ) AS judged
      UNION ALL {pinned(entity, of)}"""


def reason():
    """SQL for why a value won or lost, by the first of these that holds."""
    spelled = "regexp_replace(strip_accents(lower({})), '[^\\p{{L}}\\p{{N}}]+', '', 'g')"
    return f"""CASE
      WHEN is_winner AND owner = 'furthest' THEN 'the furthest in the life cycle'
      WHEN is_winner AND rank = 0 AND state = 'cleared' THEN 'owner' || during || ', who cleared it'
      WHEN is_winner THEN CASE WHEN rank = 0 THEN 'owner' || during WHEN has_owner THEN 'stand-in: ' || owner || ' says nothing'
        ELSE 'stand-in: there is no record of ' || owner END || CASE WHEN state <> 'said' THEN '; says nothing here, but on what goes with it' ELSE '' END
      WHEN state = 'absent' THEN system || ' does not hold it'
      WHEN state = 'cleared' THEN 'says nothing, and did before'
      WHEN state = 'unknown' THEN 'says nothing'
      WHEN given = 'pin' THEN 'lost: a steward pinned the value'
      WHEN value = won THEN 'agrees with ' || given
      WHEN owner = 'furthest' THEN 'lost: not as far in the life cycle'
      WHEN rank IS NULL THEN 'lost: ' || role || ' has no say in ' || field || during
      WHEN best = 0 AND rank > 0 THEN 'lost: ' || winner || ' owns ' || field || during || CASE WHEN won_state = 'cleared' THEN ' and cleared it' ELSE '' END
      WHEN best < rank THEN 'lost: ' || winner || ' stands in before ' || role
      WHEN how = 'recency' THEN 'lost: not newer than ' || given
      WHEN how = 'completeness' THEN 'lost: says no more in all than ' || given
      WHEN how = 'agreement' AND {spelled.format("value")} = {spelled.format("won")} THEN 'agrees with ' || given || ', in another spelling'
      WHEN how = 'agreement' THEN 'lost: no more systems say so than what ' || given || ' says'
      WHEN how = 'longest valid' THEN 'lost: has stood no longer than what ' || given || ' says'
      ELSE 'lost: of the records of ' || role || ', ' || given || ' comes first'
    END"""


def said(the_rules, of):
    """One row a field of each live record: what it says, and how far the thing is in its life cycle."""
    entity, legal_entities = the_rules.entities[of], the_rules.owner(of).legal_entities
    named = ", ".join(f"'{each}'" for each in legal_entities)
    legal_entity = f"CASE WHEN g.legal_entity IN ({named}) THEN g.legal_entity ELSE '' END" if legal_entities else "''"
    far = f"COALESCE(max(list_position({entity.life_cycle}, m.life_cycle)) OVER (PARTITION BY m.hub_id), 1)" if entity.life_cycle else "1"
    fields = ", ".join(
        f"{{'field': '{name}', 'value': {as_text('m', name, field)}, 'is_cleared': {cleared({name: field}, 'm')}, 'holds': {holds(the_rules, of, name)}}}"
        for name, field in entity.fields.items()
    )
    return f"""
      SELECT hub_id, record_ref, system, role, far, legal_entity, f.field AS field, f.value AS value,
        CASE WHEN f.value IS NOT NULL THEN 'said' WHEN NOT f.holds THEN 'absent' WHEN f.is_cleared THEN 'cleared' ELSE 'unknown' END AS state
      FROM (
        SELECT m.hub_id, m.record_ref, m.system, m.role, {far} AS far, {legal_entity} AS legal_entity, unnest([{fields}]) AS f
        FROM identity.{of} AS m {f"JOIN golden.{of} AS g ON g.hub_id = m.hub_id" if legal_entities else ""} WHERE m.is_live
      ) AS listed"""


def as_text(alias, name, field):
    """SQL for a field as text, NULL when it says nothing: JSON by column where it has several."""
    columns = list(value_columns(name, field))
    if len(columns) == 1:
        return f"{alias}.{columns[0]}::TEXT"
    any_said = " OR ".join(f"{alias}.{column} IS NOT NULL" for column in columns)
    parts = ", ".join(f"'{column}': {alias}.{column}" for column in columns)
    return f"CASE WHEN {any_said} THEN to_json({{{parts}}})::TEXT END"


def holds(the_rules, of, name):
    """SQL that tells whether the record's object is mapped to the field."""
    objects = [f"'{system.system}:{each.name}'" for system, each in the_rules.objects(of) if name in each.fields]
    return f"(m.system || ':' || m.object) IN ({', '.join(objects)})" if objects else "FALSE"


def surviving(entity, of):
    """One row a field of each thing: the golden value, and the record that gave it."""
    fields = ", ".join(
        f"{{'field': '{name}', 'won': {as_text('g', name, field)}, 'given': g.{name}_from}}" for name, field in entity.fields.items()
    )
    return f"""
      SELECT hub_id, f.field AS field, f.won AS won, f.given AS given
      FROM (SELECT g.hub_id, unnest([{fields}]) AS f FROM golden.{of} AS g) AS listed"""


def in_force(entity, owner):
    """(field, how far in the life cycle, legal entity or '' for any other, the rule that holds) for every kind of record."""
    for name in entity.fields:
        for far, state in enumerate(entity.life_cycle or [None], 1):
            for legal_entity in (*owner.legal_entities, ""):
                yield name, far, legal_entity, owner.rule(name, state, legal_entity)


def owners(entity, owner):
    """One row a field and kind of record: who owns it, what decides between equals, and while what."""
    rows = [
        f"('{name}', {far}, '{legal_entity}', '{rule.owner}', '{rule.by}', '{rule.during}')"
        for name, far, legal_entity, rule in in_force(entity, owner)
    ]
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS v(field, far, legal_entity, owner, how, during)"


def ranks(entity, owner):
    """One row a field, kind of record and role: whether the role owns the field (0), or as which it stands in."""
    rows = [
        f"('{name}', {far}, '{legal_entity}', '{role}', {rank})"
        for name, far, legal_entity, rule in in_force(entity, owner)
        for role, rank in rule.ranks.items()
    ]
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS v(field, far, legal_entity, role, rank)"


def pinned(entity, of):
    """One row a field that a steward pinned, the latest pin of each."""
    rows = [f"('{column}', '{name}')" for name, field in entity.fields.items() for column in value_columns(name, field)]
    return f"""
      SELECT '{of}' AS entity, w.hub_id, w.field, w.won AS value, 'pin' AS record_ref, NULL AS system,
        CASE WHEN w.won IS NULL THEN 'cleared' ELSE 'said' END AS state, TRUE AS is_winner,
        'pinned by ' || arg_max(p.actor || CASE WHEN p.reason IS NULL THEN '' ELSE ': ' || p.reason END, p.seq) AS reason
      FROM ({surviving(entity, of)}) AS w
      JOIN journal.crossref AS x ON x.hub_id = w.hub_id
      JOIN journal.pin AS p ON p.record_ref = x.record_ref
      JOIN (VALUES {", ".join(rows)}) AS f(column_name, field) ON f.column_name = p.column_name AND f.field = w.field
      WHERE w.given = 'pin'
      GROUP BY w.hub_id, w.field, w.won"""
