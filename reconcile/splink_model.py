"""A matching as Splink understands it, and its m, u and prior as Splink estimates them without labels.

Splink 5's own documentation says how: settings dictionary, u from random pairs, m by expectation maximisation within
blocks, the prior from deterministic rules (moj-analytical-services.github.io/splink, "Model training").
"""

import logging
import re
from dataclasses import dataclass
from math import log2
from statistics import mean, median
from typing import Any

import polars as pl
from splink import DuckDBAPI, Linker, block_on
from splink.internals.exceptions import EMTrainingException
from splink.internals.splink_dataframe import SplinkDataFrame

from hub import store
from hub.errors import HubError
from hub.matching import Comparison, Matching

PAIRS = 5_000_000  # random pairs for u
SEED = 1
M_LEAST = 0.02  # what no match did among these records, one in fifty may do among the next: records in training are few and tidy


# Splink warns of each level that one block does not show; what no block shows has M_LEAST.
logging.getLogger("splink").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Trained:
    """What training found: log2 odds, and (m, u) of each level by comparison."""

    records: int
    prior: float
    levels: dict[str, list[tuple[float, float]]]


def train(how: Matching, keys: pl.DataFrame, reads: dict[str, frozenset[str]]) -> Trained:
    """Estimate the prior, every u and every m from these records. Raises HubError when a comparison can't be learned.

    keys   record_ref and the keys of each record
    reads  {key: the canonical columns that it is made from}
    """
    api = DuckDBAPI(connection=store.connect())
    records = api.register(keys.to_arrow(), dataset_display_name="records")
    others = api.register(_not_surely_one(keys, how).to_arrow(), dataset_display_name="others")
    chance = _linker(others, untrained(how))
    chance.training.estimate_u_using_random_sampling(max_pairs=PAIRS, seed=SEED, min_count_per_level=None)
    linker = _linker(records, chance.misc.save_model_to_json())
    linker.training.estimate_probability_two_random_records_match([block_on(*each) for each in how.sure], recall=how.sure_finds)
    model = linker.misc.save_model_to_json()
    if not (prior := model["probability_two_random_records_match"]):
        raise HubError("no two records agree on a sure rule; nothing can be learned until two systems hold the same thing")
    m, u = _matches(how, records, model, reads), _others(model, others)
    return Trained(len(keys), log2(prior / (1 - prior)), {name: list(zip(m[name], u[name])) for name in how.comparisons})


def _not_surely_one(keys: pl.DataFrame, how: Matching) -> pl.DataFrame:
    """Records of which no two agree on a sure rule: pairs of these are hardly ever one, as u wants them.

    Among all pairs of a small firm's records, the matches would be most of those that agree on anything.
    """
    left = keys.sample(fraction=1, shuffle=True, seed=SEED)
    for rule in how.sure:
        left = left.filter(pl.any_horizontal(pl.col(*rule).is_null()) | pl.struct(*rule).is_first_distinct())
    return left


def settings(how: Matching) -> dict[str, Any]:
    """A Splink settings dictionary with the matching's levels, m, u and prior."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record_ref",
        "probability_two_random_records_match": 1 / (1 + 2**-how.prior),
        "blocking_rules_to_generate_predictions": [block_on(*block) for block in how.blocks],
        "comparisons": [_comparison(name, each) for name, each in how.comparisons.items()],
        "retain_intermediate_calculation_columns": False,
        "retain_matching_columns": False,
    }


def untrained(how: Matching) -> dict[str, Any]:
    """The same without m and u, so that what training never saw is known by its absence."""
    model = settings(how)
    levels = [level for each in model["comparisons"] for level in each["comparison_levels"]]
    for level in levels:
        level.pop("m_probability", None)
        level.pop("u_probability", None)
    return model


def _comparison(name: str, each: Comparison) -> dict[str, Any]:
    nothing = " OR ".join(f"{key}_{side} IS NULL" for key in each.on for side in "lr")
    silent = {"sql_condition": nothing, "label_for_charts": "says nothing", "is_null_level": True}
    levels = [
        {
            "sql_condition": re.sub(r"\b([lr])\.(\w+)", r"\2_\1", level.when) or "ELSE",
            "label_for_charts": level.when or "else",
            "m_probability": level.m,
            "u_probability": level.u,
        }
        for level in each.levels
    ]
    return {"output_column_name": name, "comparison_levels": [silent, *levels]}


def _linker(records: SplinkDataFrame, model: dict[str, Any]) -> Linker:
    return Linker(records, model, log_level=None)


def _matches(how: Matching, records: SplinkDataFrame, model: dict[str, Any], reads: dict[str, frozenset[str]]) -> dict[str, list[float]]:
    """m by comparison and level: the median of the blocks, made to sum to 1."""
    seen: dict[str, list[list[float]]] = {name: [] for name in how.comparisons}
    for block in how.blocks:
        for name, found in _learned_in(block, how, records, model, reads).items():
            seen[name].append(found)
    if unlearned := [name for name, found in seen.items() if not found]:
        raise HubError(
            f"{', '.join(unlearned)}: no block leaves two comparisons to learn from; add a block on other keys, or take more records"
        )
    middle = {name: [max(median(each), M_LEAST) for each in zip(*found)] for name, found in seen.items()}
    return {name: [each / sum(levels) for each in levels] for name, levels in middle.items()}


def _learned_in(
    block: tuple[str, ...], how: Matching, records: SplinkDataFrame, model: dict[str, Any], reads: dict[str, frozenset[str]]
) -> dict[str, list[float]]:
    """m of each comparison that has nothing to do with the block: {comparison: m by level}.

    Inside a block on the start of the name, names agree more than among matches at large. Splink leaves out what
    compares the block's own keys; we leave out also what compares other keys made from the same columns.
    """
    own = frozenset().union(*(reads[key] for key in block))
    free = [each for each in model["comparisons"] if not own & _columns(how.comparisons[each["output_column_name"]], reads)]
    if len(free) < 2:  # one comparison alone can't tell matches from others
        return {}
    linker = _linker(records, model | {"comparisons": free})
    try:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*block))
    except EMTrainingException:  # no pair of these records falls in the block, so it teaches nothing
        return {}
    return _probabilities(linker.misc.save_model_to_json(), "m")


def _columns(each: Comparison, reads: dict[str, frozenset[str]]) -> frozenset[str]:
    keys = {*each.on, *(key for level in each.levels for key in re.findall(r"\b[lr]\.(\w+)", level.when))}
    return frozenset().union(*(reads[key] for key in keys))


def _others(model: dict[str, Any], others: SplinkDataFrame) -> dict[str, list[float]]:
    """u by comparison and level. What none of n pairs did is rarer than 3/n (the rule of three, at 95 %)."""
    records = others.as_duckdbpyrelation().count("*").fetchone()[0]
    least = 3 / max(3, min(PAIRS, records * (records - 1) // 2))
    return {name: [max(each, least) for each in levels] for name, levels in _probabilities(model, "u").items()}


def _probabilities(model: dict[str, Any], which: str) -> dict[str, list[float]]:
    """m or u by comparison and level, without the null level; 0 where training saw none."""
    levels = {each["output_column_name"]: each["comparison_levels"] for each in model["comparisons"]}
    spoken = {name: [level for level in every if not level.get("is_null_level")] for name, every in levels.items()}
    return {name: [level.get(f"{which}_probability") or 0 for level in each] for name, each in spoken.items()}


def mean_of(found: list[Trained]) -> Trained:
    """Several firms' models as one: each firm counts the same."""
    same = {name: zip(*(one.levels[name] for one in found)) for name in found[0].levels}
    levels = {name: [(mean(m for m, _ in each), mean(u for _, u in each)) for each in pairs] for name, pairs in same.items()}
    return Trained(sum(one.records for one in found), mean(one.prior for one in found), levels)
