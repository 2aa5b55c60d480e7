"""How far clusters agree with who is who: pairwise and B-cubed precision, recall and F1."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Agreement:
    """Pairwise: of the pairs of records. B-cubed: of each record's cluster, on the average (Bagga and Baldwin 1998)."""

    precision: float
    recall: float
    b_precision: float
    b_recall: float

    @property
    def f1(self) -> float:
        return _f1(self.precision, self.recall)

    @property
    def b_f1(self) -> float:
        return _f1(self.b_precision, self.b_recall)

    def line(self, name: str, more: str = "") -> str:
        return f"{name:<34}{self.precision:>10.4f}{self.recall:>9.4f}{self.f1:>9.4f}{self.b_f1:>9.4f}  {more}"


HEAD = f"{'':<34}{'precision':>10}{'recall':>9}{'F1':>9}{'B-cubed':>9}"


def agreement(found: pl.DataFrame, truth: pl.DataFrame) -> Agreement:
    """found: record_ref, cluster. truth: record_ref, truth."""
    both = truth.join(found, on="record_ref").with_columns(
        said=pl.len().over("cluster"), true=pl.len().over("truth"), right=pl.len().over("cluster", "truth")
    )
    pairs = lambda *by: sum(n * (n - 1) // 2 for n in both.group_by(by).len().get_column("len").to_list())
    right = pairs("cluster", "truth")
    share = lambda of: float((both["right"] / both[of]).mean())
    return Agreement(right / max(1, pairs("cluster")), right / max(1, pairs("truth")), share("said"), share("true"))


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / max(precision + recall, 1e-9)
