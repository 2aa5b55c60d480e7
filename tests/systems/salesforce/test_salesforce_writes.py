"""What the Salesforce connector writes to a simulated org, and how it is told of what was refused."""

from datetime import date
from decimal import Decimal

from salesforce_org import ACCOUNT, CONTACT, SYSTEM, create, ids, update

from hub import mapping
from hub.systems.connector import Outcome


def test_creates_carry_the_hub_id_and_a_repeat_makes_no_second_record(org):
    writes = [create("a", "C-1", Name="Firm 1", CurrencyIsoCode="EUR"), create("b", "C-2", Name="Firm 2")]

    first = org.salesforce.write(ACCOUNT, writes)
    again = org.salesforce.write(ACCOUNT, writes)

    assert first == again == [Outcome("a", "acknowledged", ids(org)[0]), Outcome("b", "acknowledged", ids(org)[1])]
    assert [row["Concord_Id__c"] for row in org.accounts.rows.values()] == ["C-1", "C-2"]
    assert org.salesforce.find(ACCOUNT, ["C-1", "C-2", "C-3"]) == {"C-1": [ids(org)[0]], "C-2": [ids(org)[1]]}


def test_writes_are_batched_and_their_outcomes_keep_the_order(org):
    for number in range(30):
        org.accounts.create({"Name": f"Firm {number}"})
    version = "2026-12-01T00:00:00.000+0000"
    updates = [
        update(str(number), record_id, version if number % 2 else None, Phone=str(number)) for number, record_id in enumerate(ids(org))
    ]
    list(org.salesforce.read(ACCOUNT, None))
    before = org.simulator.requests

    outcomes = org.salesforce.write(ACCOUNT, [*updates, *updates])

    assert outcomes == [Outcome(each.key, "acknowledged", each.record_id) for each in [*updates, *updates]]
    assert org.simulator.requests - before == 3  # 30 in one collection, 25 + 5 in two composite requests


def test_one_bad_record_does_not_hinder_the_others_of_its_batch(org):
    org.accounts.create({"Name": "Firm 1"})
    one = ids(org)[0]

    outcomes = org.salesforce.write(
        ACCOUNT,
        [
            update("name", one, Name="x" * 256),
            update("email", one, Billing_Email__c="nobody"),
            update("parent", one, ParentId="001000000000000AAA"),
            update("fine", one, Industry="Consulting"),
            create("blank", "C-2"),
            create("new", "C-3", Name="Firm 3"),
        ],
    )

    assert [(each.key, each.state, each.message.split(" ")[0]) for each in outcomes] == [
        ("name", "rejected", "STRING_TOO_LONG"),
        ("email", "rejected", "INVALID_EMAIL_ADDRESS"),
        ("parent", "rejected", "INVALID_CROSS_REFERENCE_KEY"),
        ("fine", "acknowledged", ""),
        ("blank", "rejected", "REQUIRED_FIELD_MISSING"),
        ("new", "acknowledged", ""),
    ]
    assert org.accounts.rows[one]["Industry"] == "Consulting"


def test_a_field_that_the_org_does_not_know_rejects_its_batch_in_the_orgs_words(org):
    outcomes = org.salesforce.write(ACCOUNT, [create("a", "C-1", Name="Firm 1", Nmae="Firm 1"), create("b", "C-2", Name="Firm 2")])

    assert outcomes == [
        Outcome(key, "rejected", message="400 INVALID_FIELD No such column 'Nmae' on sobject of type Account") for key in "ab"
    ]
    assert not org.accounts.rows


def test_nothing_is_created_in_an_object_that_can_not_carry_the_hub_id(org):
    [outcome] = org.salesforce.write(ACCOUNT.model_copy(update={"external_id": None}), [create("a", "C-1", Name="Firm 1")])

    assert outcome == Outcome(
        "a", "rejected", message="not sent: Account has no external_id, so a repeat could duplicate it; map one in system.yaml"
    )
    assert not org.accounts.rows


def test_a_contact_is_written_in_the_two_parts_of_its_name_and_read_as_one(org):
    [made] = org.salesforce.write(
        CONTACT, [create("a", "P-1", **mapping.outward(CONTACT, {"full_name": "Petra van Holm", "is_billing": True}))]
    )
    [renamed] = org.salesforce.write(CONTACT, [create("b", "P-2", Name="Cher")])

    rows = [row for page in org.salesforce.read(CONTACT, None) for row in page.rows]

    assert [made.state, renamed.state] == ["acknowledged", "acknowledged"]
    assert [(row["Name"], row["Is_Billing_Contact__c"]) for row in rows] == [("Petra van Holm", True), ("Cher", False)]
    assert [(row["FirstName"], row["LastName"]) for row in org.simulator.tables["Contact"].rows.values()] == [
        ("Petra van", "Holm"),
        (None, "Cher"),
    ]


def test_what_the_mapping_writes_outward_is_what_is_read_back(org):
    account = org.accounts.create({"Name": "Firm 1"})
    bodies = {each.name: outward(each, account) for each in SYSTEM.objects.values()}

    outcomes = {each.name: org.salesforce.write(each, [create("a", "C-9", **bodies[each.name])])[0] for each in SYSTEM.objects.values()}

    assert {name: outcome.state for name, outcome in outcomes.items()} == dict.fromkeys(SYSTEM.objects, "acknowledged")
    for each in SYSTEM.objects.values():
        row = org.salesforce.look(each, [outcomes[each.name].record_id])[outcomes[each.name].record_id].row
        assert {field: row[field] for field in bodies[each.name]} == bodies[each.name]


def outward(each, account):
    """A body with a value in every field that goes back."""
    kinds = {"DATE": date(2026, 12, 1), "BOOLEAN": True, "DECIMAL(18,2)": Decimal("1200.50"), "DECIMAL(9,6)": Decimal("0.25")}
    values = {}
    for column, (kind, how) in each.columns().items():
        text = "EUR" if "currency" in column else "A b@c"
        values[column] = next(iter(how.codes.values())) if how.codes else account if how.object else kinds.get(kind, text)
    return mapping.outward(each, values)


def test_a_cleared_field_is_cleared(org):
    one = org.accounts.create({"Name": "Firm 1", "Website": "firm.example"})

    org.salesforce.write(ACCOUNT, [update("a", one, **mapping.outward(ACCOUNT, {"website": None}))])

    assert org.accounts.rows[one]["Website"] is None
