"""A matching of ours as Splink understands it, so that its weights can be compared pair by pair."""

import re
from typing import Any

from splink import block_on

from hub.matching import Comparison, Matching


def settings(how: Matching) -> dict[str, Any]:
    """A Splink settings dictionary with the matching's blocks, levels, m, u and prior; of rare values, as Splink is told of no others."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record_ref",
        "probability_two_random_records_match": 1 / (1 + 2**-how.prior),
        "blocking_rules_to_generate_predictions": [block_on(*block) for block in how.blocks],
        "comparisons": [_comparison(name, each) for name, each in how.comparisons.items()],
        "retain_intermediate_calculation_columns": False,
        "retain_matching_columns": False,
    }


def _comparison(name: str, each: Comparison) -> dict[str, Any]:
    nothing = " OR ".join(f"{key}_{side} IS NULL" for key in each.on for side in "lr")
    silent = {"sql_condition": nothing, "label_for_charts": "says nothing", "is_null_level": True}
    levels = [
        {
            "sql_condition": re.sub(r"\b([lr])\.(\w+)", r"\2_\1", level.sql) or "ELSE",
            "label_for_charts": level.when or "else",
            "m_probability": level.m,
            "u_probability": level.u,
        }
        for level in each.levels
    ]
    return {"output_column_name": name, "comparison_levels": [silent, *levels]}
