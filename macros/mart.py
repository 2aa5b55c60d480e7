"""Tables for BI that cover whatever entities the firm has."""

from sqlmesh import macro

from macros.canonical import firm_rules, typed


@macro()
def record_counts(evaluator):
    """Live records and real things behind them, by entity and system."""
    columns = {
        "entity": ("TEXT", "Kind of thing."),
        "system": ("TEXT", "Where."),
        "record_count": ("BIGINT", "Live records."),
        "hub_id_count": ("BIGINT", "Real things they are."),
    }
    return typed(
        columns,
        " UNION ALL ".join(
            f"""
      SELECT '{of}' AS entity, system, count(*) AS record_count, count(DISTINCT hub_id) AS hub_id_count
      FROM identity.{of} WHERE is_live GROUP BY system"""
            for of in firm_rules(evaluator).entities
        ),
    )
