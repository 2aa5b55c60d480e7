"""What a plan over all records costs: every difference found, made a line and sealed in the journal, beside the bare SQL join that finds the differences."""

import shutil
from collections.abc import Callable
from pathlib import Path

from assets import correct, evaluation, sqlmesh_models
from assets.observe import observe
from assets.understand import understand
from benchmarks import synthetic
from benchmarks.cycle import start_up
from benchmarks.measure import Clock
from hub import journal, rules, store
from hub.rules import Rules


def prepare(clock: Clock, folder: str, records: str) -> None:
    """A hub that knows its golden records and has no plan yet; one record in a hundred is to be corrected."""
    the_firm = synthetic.make(Path(folder), int(records), differs=110)
    with journal.open(the_firm.journal) as book:
        start_up(the_firm)
        for name in the_firm.systems:
            observe(the_firm, name, book)
        understand(the_firm, book)


def join(clock: Clock, folder: str) -> None:
    """Each record beside the golden one, in the leanest SQL that tells which differ: into a table, without ids, reasons, money, guards or journal."""
    _find(clock, folder, _differing)


def joins(clock: Clock, folder: str) -> None:
    """The same, and plain SQL for what else a plan tells of: what is missing in a role, what an object holds twice, and what refers to nothing."""
    _find(clock, folder, _differing, _missing, _doubled, _orphaned)


def _find(clock: Clock, folder: str, *kinds: Callable[[Rules, str, str], list[str]]) -> None:
    """Ask for these kinds of difference of each entity in each role, all at once, into a table."""
    the_firm = synthetic.read(Path(folder))
    the_rules = rules.of(str(the_firm.folder.resolve()))
    queries = [query for of in the_rules.entities for role in the_rules.roles(of) for kind in kinds for query in kind(the_rules, of, role)]
    with store.connect(the_firm.hub_file) as connection:
        with clock:
            connection.execute(f"CREATE TEMP TABLE found AS {' UNION ALL '.join(queries)}")
        print(connection.execute("SELECT count(*) FROM found").fetchone()[0], "differences")


def plan(clock: Clock, folder: str) -> None:
    """Discrepancies and lines of all records anew, then the plan: guards, breaker, policies, seal and consent, journaled."""
    the_firm = synthetic.read(Path(folder))
    state = the_firm.state
    shutil.copytree(state, state.with_name("kept"), dirs_exist_ok=True)
    with journal.open(the_firm.journal) as book:
        models = [model for model in sqlmesh_models.compiled(the_firm) if model.schema in ("discrepancy", "outbound")]
        with store.connect(the_firm.hub_file) as connection:
            connection.execute("SELECT ?", ["DuckDB loads pandas with the first parameter"]).fetchone()
            for model in models:
                connection.execute(f"TRUNCATE {model.table}")
        with clock.part("lines"), store.connect(the_firm.hub_file) as connection:
            evaluation.evaluate(connection, models, "discrepancy", "outbound", anew=True)
        with clock.part("plan"):
            made = correct.make_plan(the_firm, book)
        print(made.planned, "lines")
    shutil.rmtree(state)
    state.with_name("kept").rename(state)


def _differing(the_rules: Rules, of: str, role: str) -> list[str]:
    """One join of an entity's records in a role with the golden ones: the rows in which a mirrored column differs, and by what."""
    columns = [
        column
        for name, field in the_rules.entities[of].fields.items()
        if any(role in rule.mirror for rule in the_rules.owner(of).rules(name))
        for column in field.columns(name)
    ]
    if not columns:
        return []
    differs = {column: f"(g.{column} IS NOT NULL AND m.{column} IS DISTINCT FROM g.{column})" for column in columns}
    told = ", ".join(f"CASE WHEN {test} THEN '{column} = ' || g.{column}::VARCHAR END" for column, test in differs.items())
    query = f"""
      SELECT m.record_ref, concat_ws(', ', {told}) AS should
      FROM canonical.{of} AS m JOIN journal.crossref AS x ON x.record_ref = m.record_ref JOIN golden.{of} AS g ON g.hub_id = x.hub_id
      WHERE m.role = '{role}' AND m.is_live AND ({" OR ".join(differs.values())})"""
    return [query]


def _missing(the_rules: Rules, of: str, role: str) -> list[str]:
    from macros.missing_counterpart import condition_sql  # here and not above: it imports SQLMesh, which a cycle does without

    return [
        f"""
      SELECT g.hub_id, 'missing in {role}' FROM golden.{of} AS g
      WHERE ({condition_sql(the_rules, of, condition)}) AND NOT EXISTS (
        SELECT 1 FROM canonical.{of} AS m JOIN journal.crossref AS x ON x.record_ref = m.record_ref WHERE x.hub_id = g.hub_id AND m.role = '{role}' AND m.is_live)"""
        for who, condition in the_rules.owner(of).must_exist.items()
        if who == role
    ]


def _doubled(the_rules: Rules, of: str, role: str) -> list[str]:
    query = f"""
      SELECT x.hub_id, 'twice in ' || m.object FROM canonical.{of} AS m JOIN journal.crossref AS x ON x.record_ref = m.record_ref
      WHERE m.role = '{role}' AND m.is_live GROUP BY x.hub_id, m.object HAVING count(*) > 1"""
    return [query]


def _orphaned(the_rules: Rules, of: str, role: str) -> list[str]:
    return [
        f"""
      SELECT m.record_ref, 'refers to ' || m.{name}_ref FROM canonical.{of} AS m
      WHERE m.role = '{role}' AND m.is_live AND m.{name}_ref NOT IN (SELECT record_ref FROM canonical.{field.to} WHERE is_live)"""
        for name, field in the_rules.entities[of].fields.items()
        if field.type == "reference" and field.to in the_rules.entities
    ]
