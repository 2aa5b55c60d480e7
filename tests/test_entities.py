"""The canonical entities are whole, can be written in SQL, answer the requirements, and are documented."""

import re
from pathlib import Path

import duckdb
import pytest
import sqlglot

from hub import definition, entity, entity_page
from hub.errors import ConfigurationWrong

ENTITIES = entity.all_entities()
# Columns that the models put beside an entity's own.
TAKEN = {"record_ref", "system", "role", "object", "record_id", "hub_id", "hub_id_said", "is_live", "merged_ref"}
each_entity = pytest.mark.parametrize("each", ENTITIES.values(), ids=ENTITIES)


def write(folder: Path, text: str) -> Path:
    path = folder / "thing.yaml"
    path.write_text(text)
    return path


def test_every_required_entity_is_answered_by_an_entity_or_a_definition():
    required = {f"R{number:03}" for number in range(48, 91)}

    answered = set(entity_page.covered())

    assert required - answered == set()


def test_the_page_of_entities_is_up_to_date():
    assert entity_page.PAGE.read_text() == entity_page.page(), "run: python -m hub.entity_page"


def test_every_link_of_the_page_leads_somewhere():
    page = entity_page.page()

    anchors = {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in re.findall(r"^#+ (.*)$", page, re.MULTILINE)}

    assert set(re.findall(r"\]\(#([^)]+)\)", page)) - anchors == set()


@each_entity
def test_an_entity_is_named_as_its_file_and_says_what_it_and_its_fields_are(each):
    assert ENTITIES[each.entity] is each
    assert each.says.endswith(".")
    assert [name for name, field in each.fields.items() if not field.says.endswith(".")] == []
    assert [row for row in each.rows if not re.fullmatch(r"R\d{3}", row)] == []


@each_entity
def test_an_entity_is_told_from_another_by_something(each):
    assert each.identity.strong or each.identity.evidence


@each_entity
def test_what_strongly_identifies_is_one_column(each):
    assert [name for name in each.identity.strong if list(each.fields[name].columns(name)) != [name]] == []


@each_entity
def test_no_two_fields_of_an_entity_share_a_column(each):
    columns = [column for name, field in each.fields.items() for column in field.columns(name)]

    assert len(columns) == len(set(columns))
    assert set(columns) & TAKEN == set()


@each_entity
def test_the_columns_of_an_entity_need_no_quotes_in_sql(each):
    columns = ", ".join(f"{name} {kind}" for name, kind in each.columns().items())
    query = f"SELECT {', '.join(each.columns())} FROM golden.{each.entity} AS g WHERE " + " OR ".join(
        f"g.{name} IS NULL" for name in each.columns()
    )  # noqa: S608
    connection = duckdb.connect()

    connection.execute(f"CREATE SCHEMA golden; CREATE TABLE golden.{each.entity} ({columns})")

    assert connection.execute(sqlglot.transpile(query, read="duckdb", write="duckdb")[0]).fetchall() == []


@each_entity
def test_what_is_at_stake_is_money(each):
    money, _, rate = (each.at_stake or "").partition(" * ")
    if rate:
        reference, _, priced = rate.partition(".")
        assert each.fields[money].type == "quantity"
        assert ENTITIES[each.fields[reference].to].fields[priced].type == "money"
    elif money:
        assert each.fields[money].type == "money"


@each_entity
def test_the_states_of_a_life_cycle_are_codes(each):
    if each.life_cycle:
        assert each.life_cycle == list(entity.codes(each.fields["life_cycle"].codes))


@each_entity
def test_a_tax_number_of_others_an_account_or_the_cost_of_a_person_is_sensitive(each):
    told = {
        name: field.sensitivity for name, field in each.fields.items() if re.search(r"tax_id|account$|hourly_cost|exemption_number", name)
    }

    # A reference to a ledger account tells nothing; our own tax number is printed on every invoice.
    found = {name: level for name, level in told.items() if not each.fields[name].to and each.entity != "legal_entity"}
    assert set(found.values()) <= {"sensitive"}


@each_entity
def test_names_and_mailboxes_of_persons_are_personal(each):
    assert {field.sensitivity for field in each.fields.values() if field.type == "person_name"} <= {"personal"}


@pytest.mark.parametrize("name", sorted(path.stem for path in entity.CODES.glob("*.yaml")))
def test_every_code_says_what_it_means(name):
    codes = entity.codes(name)

    assert [code for code, says in codes.items() if not says or code != code.strip()] == []


def test_definitions_say_what_they_mean_and_what_they_are_unlike():
    definitions = definition.read()

    assert {"customer", "engagement", "billable_event", "utilization", "backlog", "recognized_revenue"} <= set(definitions)
    assert [word for word, each in definitions.items() if not (each.means and each.formula and each.uses and each.unlike)] == []


def test_a_definition_that_uses_an_unknown_field_is_refused(tmp_path):
    path = write(tmp_path, "margin: {means: What is left., formula: Revenue less cost., uses: [project.profit], unlike: Markup.}")

    with pytest.raises(ConfigurationWrong, match=r"thing.yaml margin: no field project.profit"):
        definition.read(path)


@pytest.mark.parametrize(
    ("fields", "identity", "complaint"),
    [
        ("{a: {type: colour}}", "{}", "a: no type 'colour'"),
        ("{a: {type: code}}", "{}", "a: a reference needs `to`, a code needs `codes`"),
        ("{a: {type: text, to: customer}}", "{}", "a: a reference needs `to`"),
        ("{a: {type: code, codes: colours}}", "{}", "a: no code list hub/codes/colours.yaml"),
        ("{a: {type: text}}", "{strong: [b]}", "identity: no field b; use one of a"),
        ("{a: {type: text, class: secret}}", "{}", "fields.a.class"),
        ("{a: {type: text, size: 3}}", "{}", "fields.a.size"),
    ],
)
def test_an_entity_that_does_not_fit_is_refused_by_name(tmp_path, fields, identity, complaint):
    path = write(tmp_path, f"{{entity: thing, says: A thing., identity: {identity}, fields: {fields}}}")

    with pytest.raises(ConfigurationWrong, match=re.escape(complaint)):
        entity.read(path)
