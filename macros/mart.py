"""Tables for BI that cover whatever entities the firm has."""

from macros.canonical import firm_rules
from sqlmesh import macro


@macro()
def record_counts(evaluator):
    """Live records and real things behind them, by entity and system."""
    found = firm_rules(evaluator).entities
    return " UNION ALL ".join(f"""
      SELECT '{of}'::TEXT AS entity, system::TEXT AS system, count(*)::BIGINT AS record_count, count(DISTINCT hub_id)::BIGINT AS hub_id_count
      FROM identity.{of} WHERE is_live GROUP BY system""" for of in found)
