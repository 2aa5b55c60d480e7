"""Which system plays a role for a thing, where several of the firm's play it: by its legal entity and its own day."""


def decides(entity, owner, cut):
    """The fields by which rules and systems are picked; their own values rest on the order of roles alone."""
    lines = [line for lines in cut.values() for line in lines]
    if cut and entity.follows and "legal_entity" not in entity.fields:
        return [entity.follows]
    found = ["legal_entity"] if owner.legal_entities or any(line.legal_entities for line in lines) else []
    return found + ([entity.dated] if entity.dated and any(line.days for line in lines) else [])


def playing(the_rules, of, role, alias):
    """SQL for the system that plays a role for a thing: that of what it follows, else by its own legal entity and day."""
    entity, lines = the_rules.entities[of], the_rules.cut(of)[role]
    rest = next(line.system for line in lines if line.rest)
    if entity.follows and "legal_entity" not in entity.fields:
        return f"COALESCE(followed.{role}_system, '{rest}')" if leads(the_rules, of, role) else f"'{rest}'"
    cases = " ".join(f"WHEN {covers(entity, line, the_rules.day, alias)} THEN '{line.system}'" for line in lines if not line.rest)
    return f"CASE {cases} ELSE '{rest}' END" if cases else f"'{rest}'"


def leads(the_rules, of, role):
    """Whether what an entity follows is itself split between systems of the role."""
    entity = the_rules.entities[of]
    target = entity.follows and entity.fields[entity.follows].to
    return target in the_rules.entities and role in the_rules.cut(target)


def followed(the_rules, of, alias):
    """The join with what an entity follows; nothing where it goes its own way."""
    entity = the_rules.entities[of]
    if "legal_entity" in entity.fields or not any(leads(the_rules, of, role) for role in the_rules.cut(of)):
        return ""
    return f"LEFT JOIN golden.{entity.fields[entity.follows].to} AS followed ON followed.hub_id = {alias}.{entity.follows}_id"


def covers(entity, line, day, alias):
    """SQL that tells whether a line of the cut-over is about a thing."""
    bounds = [f"{alias}.legal_entity IN ({', '.join(repr(each) for each in line.legal_entities)})"] if line.legal_entities else []
    if entity.dated:
        bounds += [f"{alias}.{entity.dated} >= DATE '{line.starts}'"] if line.starts else []
        bounds += [f"{alias}.{entity.dated} < DATE '{line.ends}'"] if line.ends else []
    elif not line.runs(day):
        bounds = ["FALSE"]
    return " AND ".join(bounds) or "TRUE"


def plays(cut, member, alias):
    """SQL that tells whether a record's system plays its role; TRUE in a role that one system plays."""
    cases = " ".join(f"WHEN '{role}' THEN {member}.system = {alias}.{role}_system" for role in cut)
    return f"CASE {member}.role {cases} ELSE TRUE END" if cut else "TRUE"
