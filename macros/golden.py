"""Ownership becomes SQL: each field's surviving value, and which record gave it."""

from sqlmesh import macro

from macros.canonical import firm_rules, members_of, record_columns, typed
from macros.cutover import decides, followed, playing, plays
from macros.survivorship import by_rule, chosen_by, cleared, picks, says, value_columns


def first(rule, roles, group, value):
    """The `value` of the first of a rule's roles that says anything on a group of fields; of the owner too when it cleared them."""
    cases = [f"WHEN {says(group, role)} THEN {role}.{value}" for role in rule.order if role in roles]
    if rule.owner in roles:
        cases.insert(1, f"WHEN {cleared(group, rule.owner)} THEN {rule.owner}.{value}")
    return f"CASE {' '.join(cases)} END" if cases else "NULL"


def survivor(entity, name, owner, roles, value):
    """SQL for the `value` (a column, or record_ref) of the record that a field survives from."""
    rules, group = owner.rules(name), {each: entity.fields[each] for each in owner.group(name)}
    best = by_rule(entity, rules, lambda rule: first(rule, roles, group, value))
    # Where one record is all there is, or nothing but the order of roles counts, there is nothing to decide.
    return f"CASE WHEN h.record_count > 1 THEN {next(iter(group))}_pick.{value} ELSE {best} END" if chosen_by(rules) else best


def field_columns(entity, name, field, owner, roles):
    """The golden columns of one field: its parts, and the record that gave them."""
    columns = value_columns(name, field)
    about = field.says.replace("*/", "")
    if owner.rules(name)[0].is_furthest:
        return [
            f"{entity.life_cycle}[h.furthest]::TEXT AS {name} /* {about} */",
            f"h.furthest_ref::TEXT AS {name}_from /* The record that gave {name}. */",
        ]
    made = [
        f"{said(column, kind, survivor(entity, name, owner, roles, column))} AS {column} /* {about} */" for column, kind in columns.items()
    ]
    given = survivor(entity, name, owner, roles, "record_ref")
    return [*made, f"CASE WHEN {is_pinned(columns)} THEN 'pin' ELSE {given} END::TEXT AS {name}_from /* The record that gave {name}. */"]


def said(column, kind, survived):
    """SQL for a golden value: what a steward pinned, else what survived."""
    # A pin that says nothing clears; one whose value is none of this type counts for nothing.
    nothing = f"{is_pinned([column])} AND p.pins['{column}'] IS NULL"
    return f"(CASE WHEN {nothing} THEN NULL ELSE COALESCE(TRY_CAST(p.pins['{column}'] AS {kind}), {survived}) END)::{kind}"


def on_purpose(entity, name, owner, roles):
    """SQL that tells whether a field is empty because a steward pinned nothing, or because its owner cleared it."""
    rules, own = owner.rules(name), {name: entity.fields[name]}
    columns = value_columns(name, entity.fields[name])
    best = by_rule(entity, rules, lambda rule: cleared(own, rule.owner) if rule.owner in roles else "FALSE")
    if chosen_by(rules):
        picked = f"{owner.group(name)[0]}_pick"
        best = f"CASE WHEN h.record_count > 1 THEN {picked}.pick_rank = 0 AND {cleared(own, picked)} ELSE {best} END"
    emptied = " AND ".join(f"{is_pinned([column])} AND p.pins['{column}'] IS NULL" for column in columns)
    return f"CASE WHEN {is_pinned(columns)} THEN {emptied} ELSE {best} END"


def is_pinned(columns):
    """SQL that tells whether a steward pinned one of these columns."""
    return f"COALESCE(list_has_any(map_keys(p.pins), {list(columns)}), FALSE)"


def furthest(entity):
    """How far each hub's furthest record is, and which record that is."""
    if not entity.life_cycle:
        return "1 AS furthest, NULL AS furthest_ref"
    position = f"list_position({entity.life_cycle}, life_cycle)"
    # Of several that are as far, always the same one: whatever comes first would be another in a rebuild.
    return f"max({position}) AS furthest, arg_min(record_ref, {{'far': -{position}, 'ref': record_ref}}) FILTER (WHERE {position} IS NOT NULL) AS furthest_ref"


def kept(name, field):
    """The golden columns of a field that was needed to tell which rules hold, or which systems play: as they were told then."""
    columns = {column: (kind, field.says) for column, kind in value_columns(name, field).items()}
    columns[f"{name}_from"] = ("TEXT", f"The record that gave {name}.")
    return [f"h.{column}::{kind} AS {column} /* {about.replace('*/', '')} */" for column, (kind, about) in columns.items()]


def believed(roles, best):
    """The joins with the record of each role that is believed, and with what stewards pinned."""
    joins = [f"LEFT JOIN {best} AS {role} ON {role}.hub_id = h.hub_id AND {role}.role = '{role}'" for role in roles]
    return " ".join([*joins, "LEFT JOIN pin AS p ON p.hub_id = h.hub_id"])


def hubs(the_rules, of, best):
    """Each hub id: how many records, how far the furthest, and where rules ask for it our legal entity and the systems that play their roles."""
    entity, owner, roles, cut = the_rules.entities[of], the_rules.owner(of), the_rules.roles(of), the_rules.cut(of)
    counted = f"SELECT hub_id, count(*) AS record_count, {furthest(entity)} FROM member GROUP BY hub_id"
    deciding = decides(entity, owner, cut)
    if not deciding and not cut:
        return counted
    made = "".join(f", {column}" for name in deciding for column in field_columns(entity, name, entity.fields[name], owner, roles))
    systems = "".join(f", {playing(the_rules, of, role, 'd')} AS {role}_system" for role in cut)
    placed = f"SELECT h.*{made} FROM ({counted}) AS h {believed(roles, best) if deciding else ''}"
    return f"SELECT d.*{systems} FROM ({placed}) AS d {followed(the_rules, of, 'd')}"


def best_of(playing_first):
    """Each role's record of a hub: that of the system that plays it, that which carries the hub id, that which says most."""
    return f"""
        SELECT m.* FROM member AS m {"JOIN hub AS h ON h.hub_id = m.hub_id" if playing_first else ""}
        QUALIFY row_number() OVER (PARTITION BY m.hub_id, m.role
          ORDER BY {playing_first and f"({playing_first}) DESC, "}(m.hub_id_said = m.hub_id) DESC NULLS LAST, m.filled DESC, m.record_ref) = 1"""


@macro()
def golden(evaluator, entity):
    """One row a hub id: the surviving values of its live records, with provenance."""
    the_rules, of = firm_rules(evaluator), entity.name
    known, roles, owner, cut = the_rules.entities[of], the_rules.roles(of), the_rules.owner(of), the_rules.cut(of)
    deciding = decides(known, owner, cut)
    made = [f"h.{role}_system::TEXT AS {role}_system /* The system that plays {role} for it. */" for role in cut]
    for name, field in known.fields.items():
        made += kept(name, field) if name in deciding else field_columns(known, name, field, owner, roles)
    mine = [name for name in known.fields if not owner.rules(name)[0].is_furthest]
    emptied = ", ".join(f"CASE WHEN {on_purpose(known, name, owner, roles)} THEN '{name}' END" for name in mine)
    filled = " + ".join(f"({column} IS NOT NULL)::INT" for name, field in known.fields.items() for column in value_columns(name, field))
    picked = picks(known, owner, cut)
    picking = "".join(f", {name}_pick AS ({query})" for name, query in picked.items())
    joins = "".join(f" LEFT JOIN {name}_pick ON {name}_pick.hub_id = h.hub_id" for name in picked)
    # Who plays a role is told by what the records say, whoever plays it; then the one that plays it is believed first.
    by_role = "any_best" if cut else "best"
    return f"""
      WITH member AS (
        SELECT *, {filled} AS filled FROM {members_of(evaluator, of, referring=True)} WHERE is_live
      ), {by_role} AS ({best_of("")}), pin AS (
        SELECT hub_id, map(list(column_name ORDER BY column_name), list(value ORDER BY column_name)) AS pins
        FROM (
          SELECT x.hub_id, p.column_name, p.value
          FROM journal.pin AS p
          JOIN journal.crossref AS x ON x.record_ref = p.record_ref
          QUALIFY row_number() OVER (PARTITION BY x.hub_id, p.column_name ORDER BY p.seq DESC) = 1  -- merged records may both be pinned
        ) AS latest
        GROUP BY hub_id
      ), hub AS ({hubs(the_rules, of, by_role)}){f", best AS ({best_of(plays(cut, 'm', 'h'))})" if cut else ""}{picking}
      SELECT h.hub_id::TEXT AS hub_id /* The hub's stable id. */, h.record_count::BIGINT AS record_count /* Live records behind it. */,
        list_filter([{emptied}], e -> e IS NOT NULL)::TEXT[] AS cleared /* Fields that are empty on purpose: their owner, or a steward, cleared them. */,
        {", ".join(made)}
      FROM hub AS h
      {believed(roles, "best")}
      {joins}"""


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
