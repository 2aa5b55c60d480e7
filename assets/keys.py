"""The keys of the assets, and what all steps share."""

import logging
import re

from dagster import AssetKey, RetryPolicy

stage = logging.getLogger("concord.stage")  # what a person follows while a cycle runs
RETRY = RetryPolicy(max_retries=2, delay=2)  # reading, building and publishing change nothing outside and may be done again
HUB = "hub"  # the pool of one: who holds it may open the hub for long
PLAN, CUT = AssetKey(["reconcile", "plan"]), AssetKey(["published", "cut"])


def source_key(system: str, each: str) -> AssetKey:
    return AssetKey([system, re.sub(r"\W", "_", each)])


def pushed_key(system: str) -> AssetKey:
    return AssetKey(["pushed", system])
