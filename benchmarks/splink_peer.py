"""Splink 5, with settings as a careful person would write them from its documentation; and a matching of ours as Splink understands it.

The settings were written before any score was seen and never changed for one. Splink gets the same normal keys as we do
where it has no function of its own for them.
"""

import logging
import re
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from hub.matching import Comparison, Matching

logging.getLogger("splink").setLevel(logging.ERROR)
PROBABILITY = 0.99  # from which on pairs are linked, theirs and ours


@dataclass(frozen=True)
class Peer:
    """comparisons, blocks: of Splink. sure: rules that find about `finds` of the matches. within: the blocks to train m in."""

    comparisons: list
    blocks: list
    sure: list
    finds: float
    within: list


def _exact(column: str):
    return cl.ExactMatch(column).configure(term_frequency_adjustments=True)


ORGANISATIONS = Peer(
    [
        cl.JaroWinklerAtThresholds("name_key", [0.94, 0.88]).configure(term_frequency_adjustments=True),
        _exact("domain"),
        cl.LevenshteinAtThresholds("phone_key", 1).configure(term_frequency_adjustments=True),
        cl.LevenshteinAtThresholds("tax_id", 1),
        cl.JaroWinklerAtThresholds("street_key", [0.9]).configure(term_frequency_adjustments=True),
        _exact("postcode"),
    ],
    [
        block_on("name_key"),
        block_on("name_bare"),
        block_on("domain"),
        block_on("phone_key"),
        block_on("tax_id"),
        block_on("name_start", "postcode"),
        block_on("street_key", "postcode"),
    ],
    [block_on("tax_id"), block_on("name_key", "domain"), block_on("name_key", "phone_key")],
    0.8,
    [block_on("name_key"), block_on("phone_key"), block_on("tax_id")],
)
FEBRL = Peer(
    [
        cl.NameComparison("given_name"),
        cl.NameComparison("surname"),
        cl.DamerauLevenshteinAtThresholds("date_of_birth", [1, 2]),
        cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
        cl.JaroWinklerAtThresholds("address_1", [0.9]).configure(term_frequency_adjustments=True),
        _exact("street_number"),
        cl.DamerauLevenshteinAtThresholds("postcode", 1).configure(term_frequency_adjustments=True),
        cl.JaroWinklerAtThresholds("suburb", [0.9]).configure(term_frequency_adjustments=True),
        _exact("state"),
    ],
    [
        block_on("given_name", "surname"),
        block_on("soc_sec_id"),
        block_on("date_of_birth"),
        block_on("surname", "postcode"),
        block_on("given_name", "postcode"),
        block_on("address_1", "street_number"),
        block_on("given_name", "suburb"),
        block_on("surname", "suburb"),
    ],
    [block_on("soc_sec_id"), block_on("given_name", "surname", "date_of_birth")],
    0.8,
    [block_on("soc_sec_id"), block_on("date_of_birth"), block_on("given_name", "surname")],
)
FAKE = Peer(
    [
        cl.NameComparison("first_name"),
        cl.NameComparison("surname"),
        cl.DateOfBirthComparison("dob", input_is_string=True),
        cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        cl.EmailComparison("email"),
    ],
    [
        block_on("first_name", "surname"),
        block_on("dob"),
        block_on("email"),
        block_on("surname", "city"),
        block_on("first_name", "city"),
        block_on("substr(email, 1, 6)"),
    ],
    [block_on("first_name", "surname", "dob"), block_on("email")],
    0.7,
    [block_on("first_name", "surname"), block_on("dob"), block_on("email")],
)


def clusters(connection: duckdb.DuckDBPyConnection, peer: Peer) -> pl.DataFrame:
    """record_ref, cluster: of the table `key`, trained on it without labels."""
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_ref",
        comparisons=peer.comparisons,
        blocking_rules_to_generate_predictions=peer.blocks,
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )
    api = DuckDBAPI(connection=connection)
    linker = Linker(api.register(connection.table("key").to_arrow_table()), settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match(peer.sure, recall=peer.finds)
    linker.training.estimate_u_using_random_sampling(max_pairs=1_000_000, seed=1)
    for rule in peer.within:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_probability=0.2)
    tied = linker.clustering.cluster_pairwise_predictions_at_threshold(found, PROBABILITY).as_duckdbpyrelation().pl()
    return tied.select("record_ref", cluster="cluster_id")


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
