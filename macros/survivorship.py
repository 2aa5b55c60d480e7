"""Which record of a cluster a field survives from: ownership's order of roles, then what the rule says decides between equals."""

from macros.cutover import plays


def by_rule(entity, field_rules, render):
    """SQL for what `render` makes of the rule that holds for a hub h: the only place where state and legal entity pick a rule."""
    if len(field_rules) == 1:
        return render(field_rules[0])
    return f"CASE {' '.join(f'WHEN {holds(entity, rule, field_rules)} THEN {render(rule)}' for rule in field_rules)} END"


def holds(entity, rule, field_rules, furthest="h.furthest", legal_entity="h.legal_entity"):
    """SQL that tells whether a rule holds for a thing, by how far it is in its life cycle and by our legal entity."""
    from hub.ownership_rule import legal_entities  # here and not above: SQLMesh copies what a macro's module imports into every model

    bounds = []
    if rule.states:
        # Nobody says how far it has come: the rules of the first state, so that a name that one system alone knows survives.
        bounds.append(f"COALESCE({furthest}, 1) IN ({', '.join(str(entity.life_cycle.index(state) + 1) for state in rule.states)})")
    if rule.legal_entities:
        named = ", ".join(f"'{each}'" for each in (legal_entities(field_rules) if rule.is_elsewhere else rule.legal_entities))
        bounds.append(f"COALESCE({legal_entity}, '') {'NOT IN' if rule.is_elsewhere else 'IN'} ({named})")
    return " AND ".join(bounds) or "TRUE"


def value_columns(name, field):
    """The columns of a field as identity and golden have them: references are hub ids there."""
    return {f"{name}_id": "TEXT"} if field.type == "reference" else field.columns(name)


def says(group, alias):
    """SQL that tells whether a record says anything on a group of fields, {name: field}."""
    return " OR ".join(f"{alias}.{column} IS NOT NULL" for name, field in group.items() for column in value_columns(name, field))


def cleared(group, alias):
    """SQL that tells whether a record that says nothing on a group of fields did say something once: nothing is what it means to say."""
    columns = [column for name, field in group.items() for column in field.columns(name)]
    # A reference is empty in the record's own words, or it only leads to what the hub does not know.
    empty = " AND ".join(f"{alias}.{column} IS NULL" for column in columns)
    return f"({empty} AND list_has_any(map_keys({alias}.field_changed_at), {columns}))"


def chosen_by(rules):
    """Whether something else than the order of roles decides on a field."""
    return any(rule.by != "source order" for rule in rules)


def picks(entity, owner, cut):
    """For each group of fields with such a rule, {its first field: query of the record that it survives from, in each hub with several}."""
    groups = {owner.group(name): owner.rules(name) for name in entity.fields if chosen_by(owner.rules(name))}
    return {group[0]: pick(entity, {name: entity.fields[name] for name in group}, rules, cut) for group, rules in groups.items()}


def pick(entity, group, rules, cut):
    """One row a hub with several records: the one that a group of fields survives from."""
    rank = by_rule(entity, rules, lambda rule: f"CASE m.role {cases(rule.ranks)} END")
    place = by_rule(entity, rules, lambda rule: f"CASE m.role {cases({role: each for each, role in enumerate(rule.order)})} END")
    score = by_rule(entity, rules, lambda rule: count_of(rule.by, group))
    return f"""
      SELECT * FROM (
        SELECT m.*, {rank} AS pick_rank, {place} AS pick_place, ({says(group, "m")}) AS pick_says, ({score})::BIGINT AS pick_score,
          ({plays(cut, "m", "h")}) AS pick_plays
        FROM member AS m
        JOIN hub AS h ON h.hub_id = m.hub_id
        WHERE h.record_count > 1 AND ({rank}) IS NOT NULL AND ({says(group, "m")} OR (({rank}) = 0 AND {cleared(group, "m")}))
      ) AS heard
      QUALIFY row_number() OVER (PARTITION BY hub_id ORDER BY pick_rank, pick_plays DESC, pick_says DESC, pick_score DESC NULLS LAST,
        pick_place, (hub_id_said = hub_id) DESC NULLS LAST, filled DESC, record_ref) = 1"""


def count_of(by, group):
    """SQL for what a rule's `by` counts: of equals, the record with the most of it wins."""
    if by == "recency":
        return "epoch_us(m.changed_at)"
    if by == "completeness":
        return "m.filled"
    if by == "agreement":
        return agreeing(group)
    return f"-{standing_since(group)}" if by == "longest valid" else "0"


def cases(numbers):
    return " ".join(f"WHEN '{role}' THEN {number}" for role, number in numbers.items())


def agreeing(group):
    """SQL for how many systems say on a group of fields what this record says, spelling aside."""
    parts = [plain(column, kind) for name, field in group.items() for column, kind in value_columns(name, field).items()]
    return f"count(DISTINCT m.system) OVER (PARTITION BY m.hub_id, array_to_string([{', '.join(parts)}], '|'))"


def plain(column, kind):
    """SQL for a value without what a spelling adds: case, accents, spaces and marks."""
    if kind not in ("VARCHAR", "TEXT"):
        return f"COALESCE(m.{column}::TEXT, '')"
    return f"COALESCE(regexp_replace(strip_accents(lower(m.{column})), '[^\\p{{L}}\\p{{N}}]+', '', 'g'), '')"


def standing_since(group):
    """SQL for since when a record has said what it says on a group of fields, in microseconds."""
    stamps = [f"m.field_changed_at['{column}']" for name, field in group.items() for column in field.columns(name)]
    return f"epoch_us(COALESCE(greatest({', '.join(stamps)}), m.first_at))"
