"""The doubtful pairs of `hub match` as a page that needs no server."""

import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from reconcile.match import RESULT, File, Matched

MOST = 200  # pairs on the page; all of them are in the file, by band


def page(found: Matched, files: list[File], of: str) -> str:
    """HTML. Values are the files' own, escaped."""
    environment = Environment(
        loader=PackageLoader("reconcile"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    shown = found.pairs.head(MOST)
    pairs = [_pair(found, *row) for row in shown.iter_rows()]
    return environment.get_template("match.html").render(
        of=of, files=files, rows=found.rows.height, clusters=found.clusters, pairs=pairs, total=found.pairs.height
    )


def _pair(found: Matched, left: int, right: int, probability: float, evidence: str) -> dict[str, Any]:
    one, other = found.rows.row(left, named=True), found.rows.row(right, named=True)
    cells = [(name, one[name], other[name]) for name in found.rows.columns if name not in RESULT and (one[name] or other[name])]
    weights = sorted(json.loads(evidence).items(), key=lambda each: -abs(each[1]))
    return {"probability": probability, "one": one, "other": other, "cells": cells, "weights": [each for each in weights if each[1]]}
