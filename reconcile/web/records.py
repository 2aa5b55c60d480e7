"""A golden record with the provenance of its values; a source record; what happened to them. And clusters, to split."""

from typing import Any

from hub import capture
from hub.errors import NotThere
from reconcile import contradiction, decide, hub_ids, shown
from reconcile.decide import Decision
from reconcile.web import clusters as sides, says
from reconcile.web.desk import PAGE, Desk, Go, Page, Slice

RECENT = 50  # rows of history on a page

PUSHES = """
SELECT p.push_id, p.system, p.object, p.record_id, p.action, p.state, p.message, p.intended_at, any_value(e.body) AS body,
  any_value(a.actor) AS actor, any_value(a.policy) AS policy
FROM journal.push AS p
LEFT JOIN journal.event AS e ON e.seq = p.seq
LEFT JOIN journal.approval AS a ON a.line_id = p.line_id
WHERE {which}
GROUP BY ALL ORDER BY p.intended_at DESC, p.push_id LIMIT """ + str(RECENT)
CHANGES = f"""
SELECT c.kind, c.system, c.object, c.record_id, c.merged_into, s.taken_at::TIMESTAMP AS taken_at FROM capture.change AS c
LEFT JOIN capture.snapshot AS s ON s.id = c.snapshot AND s.system = c.system AND s.object = c.object
WHERE list_contains(?, concat_ws(':', c.system, c.object, c.record_id))
ORDER BY taken_at DESC, c.system, c.object, c.record_id, c.kind LIMIT {RECENT}"""
DECISIONS = f"""
SELECT happened_at, actor, body ->> 'left_ref' AS left_ref, body ->> 'right_ref' AS right_ref, body ->> 'subject_ref' AS subject_ref,
  body ->> 'verdict' AS verdict, body ->> 'reason' AS reason, coalesce(body ->> 'decision', body ->> 'takes_back', '') AS decision FROM (
  SELECT seq, happened_at, actor, subject, body, kind FROM journal.event UNION ALL SELECT seq, happened_at, actor, subject, body, kind FROM since)
WHERE kind = 'match.decided' AND (list_contains(?, body ->> 'left_ref') OR list_contains(?, body ->> 'right_ref'))
ORDER BY seq DESC LIMIT {RECENT}"""
LINKS = """
SELECT p.left_ref, p.right_ref, p.match_weight, p.has_equal_key, d.verdict, d.actor FROM identity.{entity}_pair AS p
LEFT JOIN decision AS d ON d.left_ref = p.left_ref AND d.right_ref = p.right_ref
WHERE p.verdict = 'link' AND list_contains(?, p.left_ref) AND list_contains(?, p.right_ref)
ORDER BY p.match_weight DESC, p.left_ref, p.right_ref LIMIT """ + str(RECENT)


def clusters(desk: Desk) -> Page:
    """Golden records with several records behind them, the largest first."""
    name, sought = desk.entity(), desk.query.get("q", "")
    called = says.name_sql(desk.rules.entities[name], "g")
    where = f"g.record_count > 1 AND (? = '' OR contains(lower({called}), lower(?)) OR g.hub_id = ?)"
    total = desk.one(f"SELECT count(*) AS n FROM golden.{name} AS g WHERE {where}", [sought] * 3)["n"]
    part = Slice(desk.number("page"), total, f"/clusters/{name}", {"q": sought})
    rows = desk.rows(
        f"""SELECT g.hub_id, {called} AS name, g.record_count FROM golden.{name} AS g WHERE {where}
      ORDER BY g.record_count DESC, g.hub_id LIMIT {PAGE} OFFSET ?""",
        [*[sought] * 3, part.offset],
    )
    return Page(
        "clusters.html", {"entity": name, "rows": rows, "part": part, "sought": sought, "is_resolved": desk.rules.is_resolved(name)}
    )


def entity(desk: Desk) -> Page:
    """Golden values with where they come from, all records, and what happened."""
    name, hub_id = desk.entity(), desk.path["hub_id"]
    golden = desk.one(f"SELECT * FROM golden.{name} WHERE hub_id = ?", [hub_id]) or _elsewhere(desk, name, hub_id)
    members = sides.members(desk, name, golden["hub_id"])
    refs = [each["record_ref"] for each in members]
    owner = desk.rules.owner(name)
    given = {
        column: {
            "from": shown.record(golden.get(f"{field}_from") or ""),
            "owner": " or ".join(dict.fromkeys(rule.owner for rule in owner.rules(field))),
        }
        for field, known in desk.rules.entities[name].fields.items()
        for column in sides.value_columns(field, known)
    }
    values = [given[row["column"]] | row for row in sides.fields(desk, name, [golden, *members])]
    called = desk.names([{"entity": name, "hub_id": golden["hub_id"]}])
    return Page(
        "entity.html",
        {
            "entity": name,
            "hub_id": golden["hub_id"],
            "asked": hub_id,
            "title": called[golden["hub_id"]] or golden["hub_id"],
            "values": values,
            "members": [sides.heading(each) for each in members],
            "links": desk.rows(LINKS.format(entity=name), [refs, refs]) if desk.rules.is_resolved(name) else [],
            "can_split": desk.rules.is_resolved(name) and len(members) > 1,
            "can_decide": desk.rules.is_resolved(name),
            "shown": desk.shown,
            "history": _history(desk, name, refs, "p.hub_id = ?", golden["hub_id"]),
        },
    )


def record(desk: Desk) -> Page:
    """What one system says of one record, and what became of it."""
    system, each, record_id = (desk.path[part] for part in ("system", "object", "id"))
    member = desk.firm.systems.get(system)
    if not member or each not in member.system.objects:
        raise NotThere(f"the firm has no system {system} with an object {each}; see concord.yaml")
    name = member.system.objects[each].of
    ref = f"{system}:{each}:{record_id}"
    found = desk.one(
        f"""SELECT c.*, x.hub_id FROM canonical.{name} AS c
      LEFT JOIN journal.crossref AS x ON x.record_ref = c.record_ref WHERE c.record_ref = ?""",
        [ref],
    )
    quarantined = desk.one(
        "SELECT reason FROM capture.quarantine WHERE system = ? AND object = ? AND record_id = ?", [system, each, record_id]
    )
    if not found and not quarantined:
        raise NotThere(f"{system} {each} {record_id} is not in the newest cut; the next cycle may bring it")
    columns = [column for column in desk.rules.entities[name].columns() if found and found[column] is not None]
    raw = desk.one(f"SELECT _snapshot FROM {capture.table(system, each)} WHERE _id = ?", [record_id])
    return Page(
        "record.html",
        {
            "entity": name,
            "system": system,
            "object": each,
            "id": record_id,
            "found": found,
            "quarantined": quarantined,
            "snapshot": raw and raw["_snapshot"],
            "values": [(column, says.told(name, column, found[column], desk.shown)) for column in columns],
            "shown": desk.shown,
            "history": _history(desk, name, [ref], "p.system = ? AND p.object = ? AND p.record_id = ?", system, each, record_id),
        },
    )


def split(desk: Desk) -> Go:
    """Take records out of their cluster: they are different from every record that stays."""
    return _decided(
        desk, decide.split(desk.steward, desk.path["hub_id"], desk.form.getlist("record_ref"), desk.said("reason"), _replaces(desk))
    )


def merge(desk: Desk) -> Go:
    """Say that this hub id and another are one."""
    return _decided(desk, decide.merge(desk.steward, desk.path["hub_id"], desk.said("other"), desk.said("reason"), _replaces(desk)))


def move(desk: Desk) -> Go:
    """Say that a record belongs to another hub id."""
    return _decided(desk, decide.move(desk.steward, desk.said("record_ref"), desk.said("to"), desk.said("reason"), _replaces(desk)))


def _decided(desk: Desk, made: Decision) -> Go:
    return Go(f"/entity/{desk.entity()}/{desk.path['hub_id']}", f"{made.said}. U takes it back.")


def _replaces(desk: Desk) -> bool:
    return desk.said("replace") == "yes"


def _elsewhere(desk: Desk, name: str, hub_id: str) -> dict[str, Any]:
    """The golden row that most records of a former hub id belong to now."""
    golden = desk.one(f"SELECT * FROM golden.{name} WHERE hub_id = ?", [hub_ids.present(desk.connection, hub_id)])
    if not golden:
        raise NotThere(f"{name} {hub_id} is not in the newest cut; search it among the clusters of {name}")
    return golden


def _history(desk: Desk, name: str, refs: list[str], which: str, *values: str) -> dict[str, Any]:
    pushes = [row | {"fields": says.pushed(name, row["body"], desk.shown)} for row in desk.rows(PUSHES.format(which=which), values)]
    return {
        "changes": desk.rows(CHANGES, [refs]),
        "pushes": pushes,
        "decisions": [row | {"said": _said(row)} for row in desk.rows(DECISIONS, [refs, refs])],
    }


def _said(row: dict[str, Any]) -> str:
    pair = (row["left_ref"], row["right_ref"])
    if row["verdict"] not in contradiction.PHRASES:
        return f"what was said of {' and '.join(pair)} is taken back"
    return contradiction.PHRASES[row["verdict"]].format(*(pair if row["subject_ref"] in (None, pair[0]) else pair[::-1]))
