"""What a thing rests on: the things that it refers to, and what these refer to; each is told once."""

import duckdb

from hub import entity
from reconcile import shown, titled
from reconcile.chain import Link

DEEP = 3  # a time entry, its project, the project's contract, that contract's customer


def rests_on(connection: duckdb.DuckDBPyConnection, of: str, hub_id: str) -> tuple[Link, ...]:
    """One link for each thing that a golden record refers to, with the record that says so, and below it what that rests on."""
    told = {(of, hub_id)}
    golden = {
        name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'golden'").fetchall()
    }
    return _referred(connection, of, hub_id, golden, told, DEEP) if of in golden else ()


def _referred(
    connection: duckdb.DuckDBPyConnection, of: str, hub_id: str, golden: set[str], told: set[tuple[str, str]], deep: int
) -> tuple[Link, ...]:
    fields = {
        name: field.to for name, field in entity.all_entities()[of].fields.items() if field.type == "reference" and field.to in golden
    }
    if not fields or not deep:
        return ()
    asked = ", ".join(f"{name}_id, {name}_from" for name in fields)
    row = connection.execute(f"SELECT {asked} FROM golden.{of} WHERE hub_id = ?", [hub_id]).fetchone() or [None] * 2 * len(fields)
    found = [
        (name, to, other, given)
        for (name, to), other, given in zip(fields.items(), row[::2], row[1::2])
        if other and (to, other) not in told
    ]
    told.update((to, other) for _, to, other, _ in found)
    return tuple(
        Link(
            "rests_on",
            f"{name.replace('_', ' ')}: {titled.title(connection, to, other)} · says {shown.record(given) if given else 'nobody'}",
            _referred(connection, to, other, golden, told, deep - 1),
            {"field": name, "entity": to, "hub_id": other, "from": given},
        )
        for name, to, other, given in found
    )
