"""A trace tells why a record is as it is, down to snapshots, rules and decisions."""

import json

import pytest
from played import Play

from hub import projection, rules, store
from reconcile import explain
from reconcile.chain import Chain, Link


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    play = Play(tmp_path_factory.mktemp("firm"))
    play.turn()
    play.turn()
    yield play
    play.close()


def traced(play, system, each, record_id):
    with store.writing(play.firm.hub_file) as connection:
        projection.load(connection, play.journal)
        return explain.trace(connection, system, each, record_id, rules.of(str(play.firm.folder.resolve())))


def written(play, field, system="salesforce", name="Account"):
    """A record whose field the hub wrote, with its entity."""
    return play.rows(
        """
      SELECT p.record_id FROM journal.push AS p JOIN journal.event AS e ON e.seq = p.seq
      WHERE p.system = ? AND p.object = ? AND p.state = 'confirmed' AND json_exists(e.body, ?) ORDER BY p.record_id LIMIT 1""",
        system,
        name,
        f"$.fields.{field}",
    )[0][0]


def kinds(link):
    return {link.kind: [kinds(each) for each in link.because]} if link.because else link.kind


def test_a_field_that_the_hub_wrote_is_traced_to_snapshot_consent_owner_and_evidence(play):
    key = written(play, "legal_name")

    chain = traced(play, "salesforce", "customer", key)

    push = next(link for link in chain.links if link.facts.get("field") == "legal_name")
    assert kinds(push) == {"push": [{"plan_line": ["consent", {"golden": ["source", "identity"]}]}]}
    (line,) = push.because
    consent, golden = line.because
    assert push.facts["state"] == "confirmed"
    assert push.facts["snapshot"].startswith("salesforce/Account/")
    assert "consent by controller" in consent.says
    assert line.facts["rules"] == rules.version(str(play.firm.folder.resolve())) and f"rules {line.facts['rules']}" in line.says
    assert "owner erp" in golden.says and "while customer" in golden.says
    assert golden.because[0].facts["snapshot"].startswith("netsuite/customer/")
    assert "weight" in golden.because[1].says


def test_a_write_that_no_person_saw_names_the_policy_and_its_version(play):
    chain = traced(play, "salesforce", "Account", written(play, "hub_id"))

    assert any('consent by policy "hub ids v1"' in line for line in chain.lines())


def test_a_record_that_the_hub_created_is_traced_too(play):
    key = play.rows("SELECT record_id FROM journal.push WHERE action = 'create' AND state = 'confirmed' ORDER BY record_id LIMIT 1")[0][0]
    system, name = play.rows("SELECT system, object FROM journal.push WHERE record_id = ? AND action = 'create'", key)[0]

    chain = traced(play, system, name, key)

    push = next(link for link in chain.links if link.kind == "push")
    assert push.says.startswith("record created")
    assert push.because[0].facts["line_id"]


def test_the_id_of_a_push_leads_to_the_record_that_it_wrote(play):
    push_id, system, name, key = play.rows(
        "SELECT push_id, system, object, record_id FROM journal.push WHERE state = 'confirmed' ORDER BY push_id LIMIT 1"
    )[0]

    chain = traced(play, "hub", "push", push_id)

    assert chain == traced(play, system, name, key)
    assert push_id in "\n".join(chain.lines())


def test_a_time_entry_tells_what_it_rests_on_down_to_the_signed_contract(play):
    ref, project, contract, worker = play.rows("""
      SELECT t.project_from, p.hub_id, p.contract_id, t.worker_id FROM golden.time_entry AS t JOIN golden.project AS p ON p.hub_id = t.project_id
      WHERE p.contract_id IS NOT NULL AND t.worker_id IS NOT NULL ORDER BY t.hub_id LIMIT 1""")[0]

    chain = traced(play, *ref.split(":", 2))

    rests_on = {link.facts["field"]: link for link in chain.links if link.kind == "rests_on"}
    assert rests_on["project"].facts["hub_id"] == project and rests_on["worker"].facts["hub_id"] == worker
    below = {link.facts["field"]: link for link in rests_on["project"].because}
    assert below["contract"].facts["hub_id"] == contract
    assert f"contract {contract}" in below["contract"].says
    ids = [line.split(" · ")[0].split(": ", 1)[1] for line in chain.lines() if " · says " in line]
    assert len(ids) == len(set(ids))  # each thing once


def test_sensitive_values_are_never_shown(play):
    values = {value for (value,) in play.rows("SELECT tax_id FROM canonical.customer WHERE tax_id IS NOT NULL")}
    keys = [key for (key,) in play.rows("SELECT record_id FROM canonical.customer WHERE system = 'salesforce'")]

    told = "\n".join(json.dumps(traced(play, "salesforce", "Account", key).as_dict(), ensure_ascii=False) for key in keys)

    assert values
    assert [value for value in values if value in told] == []
    assert "(hidden: sensitive)" in told


def test_a_record_that_the_hub_never_wrote_tells_its_hub_id_and_who_owns_what(play):
    key = play.rows("SELECT record_id FROM canonical.customer WHERE system = 'files' AND is_live ORDER BY 1 LIMIT 1")[0][0]

    chain = traced(play, "files", "customers", key)

    assert [link.kind for link in chain.links] == ["hub_id", "source", "golden"]
    assert any(link.facts["field"] == "legal_name" and "owner" in link.says for link in chain.links[-1].because)


def test_a_hub_id_is_traced_to_its_records_and_an_old_one_to_its_successor(play):
    hub_id = play.rows(
        "SELECT hub_id FROM journal.crossref WHERE entity = 'customer' GROUP BY hub_id HAVING count(*) > 2 ORDER BY 1 LIMIT 1"
    )[0][0]
    (ref,) = play.rows("SELECT min(record_ref) FROM journal.crossref WHERE hub_id = ?", hub_id)[0]
    for each in ("C-999999", hub_id):  # as if the record had been a thing of its own for a while
        play.note("hub_ids.assigned", "customer", {"entity": "customer", "assigned": [[ref, each]]}, actor="hub")

    now, old = traced(play, "hub", "customer", hub_id), traced(play, "hub", "customer", "C-999999")

    assert [link.kind for link in now.links].count("record") > 2
    assert old.subject == now.subject
    assert old.links[0].says == f"C-999999 was redirected to {hub_id}"


def test_what_was_not_written_is_told_with_its_reason(play):
    key, ref, hub_id = play.rows(
        "SELECT id, record_ref, hub_id FROM discrepancy.found WHERE class = 'orphan_reference' ORDER BY id LIMIT 1"
    )[0]
    before = traced(play, *ref.split(":", 2)).lines()
    play.note("discrepancy.waived", key, {"reason": "left on purpose"})

    after = traced(play, *ref.split(":", 2)).lines()

    assert any("orphan reference" in line for line in before)
    assert any("waived by steward: left on purpose" in line for line in after)


def test_a_quarantined_record_tells_why_it_waits(play):
    system, name, key, reason = play.rows(
        "SELECT system, object, record_id, reason FROM capture.quarantine WHERE record_id <> '' ORDER BY ALL LIMIT 1"
    )[0]

    chain = traced(play, system, name, key)

    assert chain.found
    assert reason in chain.links[0].says


def test_an_unknown_record_object_or_system_is_said_to_be_unknown_with_what_is_similar(play):
    key = play.rows("SELECT record_id FROM canonical.customer WHERE system = 'netsuite' ORDER BY 1 LIMIT 1")[0][0]

    mistyped, no_object, no_system = (
        traced(play, "netsuite", "customer", key + "7"),
        traced(play, "netsuite", "client", key),
        traced(play, "sap", "customer", key),
    )

    assert not (mistyped.found or no_object.found or no_system.found)
    assert f"similar: netsuite customer {key}" in [link.says for link in mistyped.links]
    assert "netsuite has no object client" in no_object.links[0].says
    assert "there is no system sap; there are files, netsuite, salesforce" in no_system.links[0].says


def test_a_chain_is_drawn_as_a_tree():
    chain = Chain(
        "customer C-1",
        True,
        (Link("push", "a", (Link("plan_line", "b", (Link("consent", "c"),)), Link("golden", "d"))), Link("hub_id", "e")),
    )

    assert chain.lines() == ["customer C-1", "├ a", "│ ├ b", "│ │ └ c", "│ └ d", "└ e"]
