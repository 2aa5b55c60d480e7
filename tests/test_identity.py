"""Hub ids follow the things, not the labels."""

from itertools import permutations

import polars as pl
from hypothesis import given, settings, strategies as st

from reconcile.clusters import PAIRS, clusters
from reconcile.identity import TIES, carry_ids, changed, lend_ids, redirects


def ties(**pairs):
    return pl.DataFrame({"record_ref": list(pairs), "hub_id": list(pairs.values())}, schema=TIES)


def grouped(*groups):
    return pl.DataFrame(
        [(ref, number) for number, group in enumerate(groups) for ref in sorted(group)], schema=["record_ref", "cluster"], orient="row"
    )


def former(*rows):
    schema = {"record_ref": pl.String, "hub_id": pl.String, "seq": pl.Int64, "is_taken": pl.Boolean}
    return pl.DataFrame([(*row, False) for row in rows], schema=schema, orient="row")


def carried(before, *groups, past=(), issued=0):
    return dict(carry_ids(grouped(*groups), before, former(*past), "C", issued).rows())


def linked(records, links, apart=()):
    edges = pl.DataFrame(
        [(*pair, 9.0 - number) for number, pair in enumerate(links)], schema={**PAIRS, "match_weight": pl.Float64}, orient="row"
    )
    found = clusters(pl.DataFrame({"record_ref": list(records)}), edges, pl.DataFrame(list(apart), schema=PAIRS, orient="row"))
    return sorted(found.group_by("cluster").agg(pl.col("record_ref").sort()).get_column("record_ref").to_list())


def test_records_that_are_linked_become_one_cluster():
    assert linked("abcd", [("a", "b"), ("b", "c")]) == [["a", "b", "c"], ["d"]]


def test_two_records_that_must_stay_apart_are_not_united_by_a_third():
    assert linked("abc", [("a", "b"), ("b", "c")], apart=[("a", "c")]) == [["a", "b"], ["c"]]


def test_a_new_cluster_gets_the_next_id():
    assert carried(ties(), {"a"}, {"b", "c"}, issued=41) == {"a": "C-000042", "b": "C-000043", "c": "C-000043"}


def test_a_second_run_changes_no_id():
    before = ties(a="C-1", b="C-1", c="C-2")

    assert carried(before, {"c"}, {"a", "b"}) == dict(before.rows())


def test_when_a_cluster_splits_the_larger_part_keeps_the_id():
    before = ties(a="C-1", b="C-1", z="C-1")

    assert carried(before, {"z"}, {"a", "b"}, issued=1) == {"a": "C-1", "b": "C-1", "z": "C-000002"}


def test_when_equal_parts_split_the_smallest_record_ref_keeps_the_id():
    assert carried(ties(b="C-1", a="C-1"), {"b"}, {"a"}, issued=1) == {"a": "C-1", "b": "C-000002"}


def test_when_clusters_merge_the_id_of_the_larger_survives_and_the_other_is_redirected():
    before = ties(a="C-1", b="C-2", c="C-2")
    after = carry_ids(grouped({"a", "b", "c"}), before, former(), "C", 2)

    assert dict(after.rows()) == {"a": "C-2", "b": "C-2", "c": "C-2"}
    assert redirects(after, before) == [("C-1", "C-2")]
    assert changed(after, before).rows() == [("a", "C-2")]


def test_an_unmerge_gives_back_the_id_that_the_records_held_before():
    past = [("a", "C-1", 1), ("b", "C-2", 1), ("c", "C-2", 1), ("a", "C-2", 2)]

    assert carried(ties(a="C-2", b="C-2", c="C-2"), {"a"}, {"b", "c"}, past=past, issued=2) == {"a": "C-1", "b": "C-2", "c": "C-2"}


def test_sides_that_were_merged_get_their_own_ids_back_although_the_other_side_is_larger_by_now():
    past = [("a", "C-1", 1), ("b", "C-2", 1), ("b", "C-1", 2), ("x", "C-1", 3), ("y", "C-1", 4)]
    before = ties(a="C-1", b="C-1", x="C-1", y="C-1")

    assert carried(before, {"a"}, {"b", "x", "y"}, past=past, issued=2) == {"a": "C-1", "b": "C-2", "x": "C-2", "y": "C-2"}


def test_two_merges_that_end_at_once_give_back_three_ids():
    past = [("a", "C-1", 1), ("b", "C-2", 1), ("c", "C-3", 1), ("c", "C-2", 2), ("b", "C-1", 3), ("c", "C-1", 3)]
    before = ties(a="C-1", b="C-1", c="C-1")

    assert carried(before, {"a"}, {"b"}, {"c"}, past=past, issued=3) == {"a": "C-1", "b": "C-2", "c": "C-3"}
    assert carried(before, {"a"}, {"b", "c"}, past=past, issued=3) == {"a": "C-1", "b": "C-2", "c": "C-2"}


def test_a_merged_cluster_keeps_its_id_when_the_side_that_brought_it_is_gone():
    past = [("a", "C-1", 1), ("b", "C-2", 1), ("b", "C-1", 2)]

    assert carried(ties(b="C-1"), {"b"}, past=past, issued=2) == {"b": "C-1"}


def test_an_id_that_is_lent_is_one_that_its_records_would_hold_without():
    own = ties(a="C-1", b="C-2", c="C-3")

    lent = lend_ids(grouped({"a", "b"}, {"c"}), ties(a="C-1", b="C-1", c="C-1"), own, "C", 3)

    assert dict(lent.rows()) == {"a": "C-1", "b": "C-1", "c": "C-3"}


RECORDS = "abcdefgh"
LABELS = st.lists(st.integers(0, 3), min_size=len(RECORDS), max_size=len(RECORDS))


@settings(max_examples=300, deadline=None)
@given(LABELS, LABELS, st.sets(st.sampled_from(RECORDS), min_size=1))
def test_no_assignment_of_ids_changes_fewer_records(old, new, live):
    before = {ref: f"C-{label}" for ref, label in zip(RECORDS, old)}
    groups = [{ref for ref, label in zip(RECORDS, new) if label == number and ref in live} for number in range(4)]
    groups = [group for group in groups if group]

    after = carried(ties(**before), *groups, issued=9)

    kept = sum(after[ref] == before[ref] for ref in live)
    ids = [*sorted(set(before.values())), *("new",) * len(groups)]
    most = max(
        sum(before[ref] == hub_id for group, hub_id in zip(groups, chosen) for ref in group) for chosen in permutations(ids, len(groups))
    )
    assert kept == most
    assert len({after[min(group)] for group in groups}) == len(groups)
    assert after == carried(ties(**dict(reversed(before.items()))), *reversed(groups), issued=9)
