"""A firm's project folder is read without its secrets, and refuses what can't be meant."""

import re
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from hub import firm, mapping
from hub.errors import ConfigurationWrong
from hub.systems.connector import Connection

LEGACY = """
system: old
role: legacy
connector: files
nested: false
auth: {kind: none, secrets: [pin]}
objects:
  customers: {is: customer, key: "No", fields: {legal_name: Name}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "legacy").mkdir()
    (tmp_path / "legacy" / "system.yaml").write_text(LEGACY)
    return tmp_path


def write(folder: Path, text: str) -> Path:
    (folder / "concord.yaml").write_text(text)
    return folder


class Cellar(KeyringBackend):
    """A keyring that lasts as long as the test: a real back end of the keyring library, kept in memory."""

    priority = 1

    def __init__(self):
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password


@pytest.fixture
def ring():
    before = keyring.get_keyring()
    keyring.set_keyring(Cellar())
    yield keyring
    keyring.set_keyring(before)


def test_a_firm_has_its_systems_under_its_own_names_and_its_paths_below_the_folder(folder):
    write(
        folder,
        """
firm: Example Consulting
currency: CHF
systems:
  crm_east: {kind: salesforce, url: "https://east.example"}
  crm_west: {kind: salesforce, url: "https://west.example", role: crm2}
  legacy: {kind: ./legacy, url: drop, options: {all: true}}
""",
    )

    found = firm.read(folder)

    assert (found.name, found.currency) == ("Example Consulting", "CHF")
    assert (found.state, found.hub_file, found.snapshots) == (folder / "state", folder / "state/hub.duckdb", folder / "state/snapshots")
    assert (found.cuts, found.out, found.journal) == (folder / "state/cuts", folder / "out", folder / "state/journal.sqlite")
    told = {name: (each.system.system, each.system.role, each.system.connector, each.url) for name, each in found.systems.items()}
    assert told == {
        "crm_east": ("crm_east", "crm", "salesforce", "https://east.example"),
        "crm_west": ("crm_west", "crm2", "salesforce", "https://west.example"),
        "legacy": ("legacy", "legacy", "files", str(folder / "drop")),
    }
    assert found.systems["legacy"].options == {"all": True}


def test_the_hubs_own_rules_hold_until_the_firm_writes_its_own(folder):
    write(folder, "{firm: Example}")
    assert firm.read(folder).ownership == firm.ownership.FILE
    assert firm.read(folder).policies == firm.POLICIES

    (folder / "owners.yaml").touch()
    write(folder, "{firm: Example, ownership: owners.yaml}")
    assert firm.read(folder).ownership == folder / "owners.yaml"


def test_secrets_are_found_in_the_environment_a_keyring_or_a_file_when_they_are_needed(folder, ring, monkeypatch):
    ring.set_password("concord", "salesforce", "demo-client-secret")
    (folder / "pin").write_text("demo-pin\n")
    write(
        folder,
        """
firm: Example
systems:
  crm: {kind: salesforce, url: "https://crm.example", secrets: {client_id: env:DEMO_CLIENT, client_secret: keyring:concord/salesforce}}
  legacy: {kind: ./legacy, url: drop, secrets: {pin: file:pin}}
""",
    )
    found = firm.read(folder)  # nothing is asked for yet

    monkeypatch.setenv("DEMO_CLIENT", "demo-client-id")

    secrets = {"client_id": "demo-client-id", "client_secret": "demo-client-secret"}
    assert found.systems["crm"].connection() == Connection("https://crm.example", secrets, {}, found.state / "budgets.sqlite")
    assert found.systems["legacy"].connection().secrets == {"pin": "demo-pin"}


def test_a_connector_of_the_named_kind_is_made(folder):
    write(folder, "{firm: Example, systems: {old: {kind: files, url: drop}}}")

    assert type(firm.read(folder).systems["old"].connect()).__module__ == "hub.systems.files.connector"


def test_a_kind_without_a_connector_is_refused_by_name(folder):
    (folder / "legacy" / "system.yaml").write_text(LEGACY.replace("connector: files", "connector: telex").replace("[pin]", "[]"))
    write(folder, "{firm: Example, systems: {telex: {kind: ./legacy}}}")

    with pytest.raises(ConfigurationWrong, match="telex: no connector 'telex'"):
        firm.read(folder).systems["telex"].connect()


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        ("env:NOT_SET_ANYWHERE", "secrets.pin: nothing at env:NOT_SET_ANYWHERE; put it there"),
        ("keyring:concord/nobody", "secrets.pin: nothing at keyring:concord/nobody; put it there"),
        ("file:nowhere", "secrets.pin: nothing at file:nowhere; put it there"),
    ],
)
def test_a_secret_that_is_not_there_is_named(folder, ring, reference, complaint):
    member = firm.read(
        write(folder, f"{{firm: Example, systems: {{legacy: {{kind: ./legacy, secrets: {{pin: '{reference}'}}}}}}}}")
    ).systems["legacy"]

    with pytest.raises(ConfigurationWrong, match=f"concord.yaml systems.legacy.{re.escape(complaint)}"):
        member.connection()


def test_a_machine_without_a_keyring_says_what_to_do(folder, ring):
    from keyring.backends.fail import Keyring

    keyring.set_keyring(Keyring())
    member = firm.read(
        write(folder, "{firm: Example, systems: {legacy: {kind: ./legacy, secrets: {pin: 'keyring:concord/pin'}}}}")
    ).systems["legacy"]

    with pytest.raises(ConfigurationWrong, match="keyring does not answer for concord/pin.*use env: or file:"):
        member.connection()


def test_a_secret_that_nobody_gave_is_asked_for(folder):
    member = firm.read(write(folder, "{firm: Example, systems: {legacy: {kind: ./legacy}}}")).systems["legacy"]

    with pytest.raises(ConfigurationWrong, match="systems.legacy.secrets: no pin; add each and refer to it with env:NAME"):
        member.connection()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("{firm: Example, sytems: {}}", "concord.yaml sytems: Extra inputs are not permitted; see docs/firm.md"),
        ("{firm: Example, systems: {legacy: {kind: ./legacy, uri: drop}}}", "systems.legacy.uri: Extra inputs are not permitted"),
        ("{currency: EUR}", "concord.yaml firm: Field required"),
        ("", "concord.yaml all of it: "),
        ("firm: [", "concord.yaml is not YAML in line 1"),
        ("{firm: Example, currency: EURO}", "currency: EURO is none of ISO 4217"),
        ("{firm: Example, ownership: mine.yaml}", "ownership: no file mine.yaml"),
        ("{firm: Example, policies: mine.yaml}", "policies: no file mine.yaml"),
        ("{firm: Example, systems: {x: {kind: telex}}}", "systems.x.kind: no telex/system.yaml"),
        ("{firm: Example, systems: {'CRM: east': {kind: ./legacy}}}", "write a name in lower-case letters"),
        ("{firm: Example, systems: {x: {kind: ./legacy, secrets: {pass: 'env:X'}}}}", "systems.x.secrets: old asks for no pass"),
        ("{firm: Example, systems: {x: {kind: ./legacy, secrets: {pin: 'keyring:pin'}}}}", "write keyring:service/name"),
        ("firm: X\nsystems: {crm: {kind: salesforce, url: 'http://crm.example'}}", "systems.crm.url: http shows secrets and data"),
    ],
)
def test_settings_that_can_not_be_meant_are_refused_by_file_and_key(folder, settings, complaint):
    write(folder, settings)

    with pytest.raises(ConfigurationWrong, match=re.escape(complaint)):
        firm.read(folder)


@pytest.mark.parametrize(
    "settings",
    [
        "{firm: Example, systems: {x: {kind: ./legacy, secrets: {pin: demo-written-out}}}}",
        "{firm: Example, systems: {x: {kind: ./legacy, secrets: {pin: 'env:', other: demo-written-out}}}}",
        "{firm: Example, journal: 'postgresql://hub:demo-written-out@db.example/concord'}",
        "{firm: Example, journal: 'postgresql://db.example/concord?password=demo-written-out'}",
        "{firm: Example, journal: demo-written-out}",
    ],
)
def test_a_secret_that_is_written_out_is_refused_and_not_repeated(folder, settings):
    write(folder, settings)

    with pytest.raises(ConfigurationWrong, match=r"env:NAME, keyring:service/name or file:path") as refusal:
        firm.read(folder)

    assert "demo-written-out" not in str(refusal.value)


def test_a_broken_line_is_not_repeated_since_it_may_hold_a_secret(folder):
    write(folder, "firm: Example\nsystems: {x: {kind: ./legacy, secrets: {pin: 'demo-written-out}}}\n")

    with pytest.raises(ConfigurationWrong) as refusal:
        firm.read(folder)

    assert "demo-written-out" not in f"{refusal.value} {refusal.value.__cause__}"


def test_what_is_printed_of_a_firm_tells_no_secret_nor_where_it_is(folder):
    found = firm.read(
        write(folder, "{firm: Example, journal: 'env:DEMO_URL', systems: {x: {kind: ./legacy, secrets: {pin: 'env:DEMO_PIN'}}}}")
    )

    assert not re.search("DEMO", repr(found))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("postgresql://hub@db.example/concord", "postgresql://hub@db.example/concord"),
        ("env:DEMO_URL", "postgresql://hub:demo-pass@db.example/concord"),
        ("file:journal.url", Path("elsewhere/journal.sqlite")),
    ],
)
def test_a_team_says_where_its_journal_is(folder, monkeypatch, said, found):
    monkeypatch.setenv("DEMO_URL", "postgresql://hub:demo-pass@db.example/concord")
    (folder / "journal.url").write_text("elsewhere/journal.sqlite\n")
    write(folder, f"{{firm: Example, journal: '{said}'}}")

    assert firm.read(folder).journal == (folder / found if isinstance(found, Path) else found)


def test_a_folder_without_a_project_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigurationWrong, match="hub init"):
        firm.read(tmp_path)


@pytest.mark.parametrize("name", ["Example Consulting GmbH", 'Smith: "Sons" # & {Co}', "Łódź"])
def test_a_new_project_folder_is_ready_to_be_read(tmp_path, name):
    made = firm.write_new(tmp_path / "new", name, "PLN")

    found = firm.read(tmp_path / "new")
    assert made == tmp_path / "new" / "concord.yaml"
    assert (found.name, found.currency, found.systems) == (name, "PLN", {})
    assert sorted(str(path.relative_to(made.parent)) for path in made.parent.rglob("*")) == [
        ".gitignore", "README.md", "concord.yaml", "drop", "drop/.gitkeep",
    ]  # fmt: skip
    assert {"/state/", "/out/", "/secrets/"} <= set((made.parent / ".gitignore").read_text().splitlines())


def test_the_sample_entries_of_a_new_folder_are_right_once_their_marks_are_taken_away(tmp_path):
    made = firm.write_new(tmp_path, "Example")

    made.write_text(re.sub(r"^#  ", "  ", made.read_text().replace("systems: {}", "systems:"), flags=re.MULTILINE))

    found = firm.read(tmp_path).systems
    assert {name: each.system.objects.keys() for name, each in found.items()} == {
        "salesforce": mapping.read(mapping.FOLDER / "salesforce" / "system.yaml").objects.keys(),
        "legacy": mapping.read(mapping.FOLDER / "files" / "system.yaml").objects.keys(),
    }


def test_a_project_is_never_written_over(tmp_path):
    firm.write_new(tmp_path, "Example")
    before = (tmp_path / "concord.yaml").read_text()

    with pytest.raises(ConfigurationWrong, match="holds concord.yaml"):
        firm.write_new(tmp_path, "Another")

    assert (tmp_path / "concord.yaml").read_text() == before


def test_a_new_project_names_a_currency_that_exists(tmp_path):
    with pytest.raises(ConfigurationWrong, match="EURO is none of ISO 4217"):
        firm.write_new(tmp_path / "new", "Example", "EURO")

    assert not (tmp_path / "new").exists()


def test_a_firm_may_say_that_it_trusts_a_network(folder):
    write(
        folder,
        "firm: X\nsystems: {erp: {kind: tryton, url: 'http://erp.example:8000', plain_http: true}, psa: {kind: redmine, url: 'http://localhost:3000'}}",
    )

    assert [each.url for each in firm.read(folder).systems.values()] == ["http://erp.example:8000", "http://localhost:3000"]
