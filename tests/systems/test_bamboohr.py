"""Our connector against the BambooHR simulator over HTTP, every request and answer judged by the vendor's published contract."""

from pathlib import Path

import pytest
import yaml
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from hub import mapping
from hub.errors import ContractBroken, SystemUnavailable
from hub.systems.bamboohr import connector, simulator
from hub.systems.connector import Connection, Outcome, Write
from hub.systems.simulator import Clock, Faults, Faulty, serving

FOLDER = Path(connector.__file__).parent
SYSTEM = mapping.read(FOLDER / "system.yaml")
EMPLOYEES = SYSTEM.objects["employees"]
ADA = {
    "firstName": "Ada",
    "lastName": "Example",
    "workEmail": "ada@firm.example",
    "employeeNumber": "0007",
    "hireDate": "2024-03-01",
    "employmentHistoryStatus": "Full-Time",
    "jobTitle": "Consultant",
    "standardHoursPerWeek": 38.5,
    "customConcordId": "W-1",
}


class Account:
    """A served simulator, a connector to it, and the contract between them."""

    def __init__(self, url: str, account: simulator.Simulator, faults: Faults):
        self.simulator, self.faults, self.judged = account, faults, 0
        self.table = account.tables["employees"]
        self.connector = connector.connect(SYSTEM, Connection(url, account.secrets))
        contract = yaml.safe_load((FOLDER / "contract.yaml").read_text()) | {"servers": [{"url": url}]}
        self.contract = OpenAPI.from_dict(contract)
        self.connector.http.client.event_hooks["response"].append(self._judge)

    def _judge(self, answer):
        answer.read()
        request = answer.request
        origin = f"{request.url.scheme}://{request.url.netloc.decode()}"
        asked = MockRequest(
            origin,
            request.method,
            request.url.path,
            args=dict(request.url.params),
            headers=dict(request.headers),
            data=request.content,
            content_type=request.headers.get("content-type", ""),
        )
        self.contract.validate_request(asked)
        if answer.status_code < 400:
            kind = answer.headers.get("content-type", "application/json")
            self.contract.validate_response(asked, MockResponse(answer.content, answer.status_code, dict(answer.headers), kind))
        self.judged += 1

    def read(self, since=None):
        (page,) = self.connector.read(EMPLOYEES, since)
        return page

    def write(self, *writes):
        return self.connector.write(EMPLOYEES, writes)


@pytest.fixture
def account():
    faults, simulated = Faults(), simulator.Simulator(Clock())
    with serving({"bamboohr": Faulty(simulated.app, faults)}) as urls:
        account = Account(urls["bamboohr"], simulated, faults)
        yield account
        account.connector.close()


def ids(page):
    return [row["id"] for row in page.rows]


def update(record_id, version=None, **body):
    return Write("1", "update", record_id, "W-1", body, version)


def test_a_full_read_shows_every_employee_with_the_promised_fields_and_nothing_invented(account):
    account.table.create(ADA)
    account.table.create({"firstName": "Left", "lastName": "Example", "status": "Inactive", "terminationDate": "2026-06-30"})

    page = account.read()

    assert page.last
    assert page.watermark == "2026-11-02T08:00:02+00:00"
    assert page.rows == [
        {
            "id": "1001",
            "fullName1": "Ada Example",
            "employeeNumber": "0007",
            "workEmail": "ada@firm.example",
            "employmentHistoryStatus": "Full-Time",
            "status": "Active",
            "jobTitle": "Consultant",
            "customLegalEntity": None,
            "customCostCenter": None,
            "hireDate": "2024-03-01",
            "terminationDate": None,
            "standardHoursPerWeek": "38.5",
            "lastChanged": "2026-11-02T08:00:01+00:00",
            "customConcordId": "W-1",
            "deleted": False,
        },
        {
            "id": "1002",
            "fullName1": "Left Example",
            "employeeNumber": None,
            "workEmail": None,
            "employmentHistoryStatus": None,
            "status": "Inactive",
            "jobTitle": None,
            "customLegalEntity": None,
            "customCostCenter": None,
            "hireDate": None,
            "terminationDate": "2026-06-30",
            "standardHoursPerWeek": None,
            "lastChanged": "2026-11-02T08:00:02+00:00",
            "customConcordId": None,
            "deleted": False,
        },
    ]
    assert account.judged == 2


def test_an_incremental_read_shows_what_changed_since_the_watermark_and_who_was_deleted(account):
    for number in range(40):
        account.table.create({"firstName": "Number", "lastName": str(number)})
    watermark = account.read().watermark
    account.table.update("1003", {"jobTitle": "Partner"})
    account.table.delete("1004")

    page = account.read(watermark)

    overlap = [("1039", None, False), ("1040", None, False)]  # asked from a second before the watermark
    assert [(row["id"], row["jobTitle"], row["deleted"]) for row in page.rows] == [
        ("1003", "Partner", False),
        *overlap,
        ("1004", None, True),
    ]
    assert page.last and page.watermark == "2026-11-02T08:00:42+00:00"


def test_a_leaver_is_still_there_and_only_a_deleted_employee_is_deleted(account):
    account.table.create(ADA | {"status": "Inactive"})
    account.table.create(ADA)
    account.table.delete("1002")

    seen = account.connector.look(EMPLOYEES, ["1001", "1002"])

    assert {key: each.state for key, each in seen.items()} == {"1001": "there", "1002": "deleted"}
    assert seen["1001"].row == account.read().rows[0]
    assert seen["1001"].version == "2026-11-02T08:00:01+00:00"


def test_an_employee_whom_the_key_may_not_see_is_unknown_and_makes_the_read_partial(account):
    account.table.create(ADA)
    account.table.create(ADA)
    account.simulator.unseen.add("1002")

    page, seen = account.read(), account.connector.look(EMPLOYEES, ["1002"])

    assert (ids(page), page.last) == (["1001"], False)
    assert seen["1002"].state == "unknown"


def test_a_field_that_the_key_may_not_see_breaks_the_contract_and_leaves_a_looked_at_record_unknown(account):
    account.table.create(ADA)
    account.simulator.fields.remove("terminationDate")

    with pytest.raises(ContractBroken, match="no longer has terminationDate"):
        account.read()

    assert account.connector.look(EMPLOYEES, ["1001"])["1001"].state == "unknown"


def test_an_outage_is_waited_out_whether_it_says_429_or_503(account):
    account.table.create(ADA)
    account.faults.add("status", 429, path="changed")
    account.faults.add("status", 503, path="reports")

    assert ids(account.read()) == ["1001"]


@pytest.mark.parametrize(
    ("status", "failure"), [(401, SystemUnavailable), (403, SystemUnavailable), (503, SystemUnavailable), (404, ContractBroken)]
)
@pytest.mark.parametrize("path", ["changed", "reports"])
def test_a_refused_read_is_never_a_short_one(account, status, failure, path):
    account.table.create(ADA)
    account.faults.add("status", status, path=path, times=5)

    with pytest.raises(failure, match="bamboohr"):
        account.read()


def test_an_empty_report_or_an_empty_body_is_never_taken_for_no_employees(account):
    with pytest.raises(ContractBroken, match="the report is empty"):
        account.read()

    account.faults.add("status", 200, path="reports")
    with pytest.raises(ContractBroken, match="without employees"):
        account.read()


def test_a_cut_connection_is_read_again_and_not_taken_for_the_end(account):
    account.table.create(ADA)
    account.faults.add("cut_after", path="reports", times=2)

    assert ids(account.read()) == ["1001"]


def test_a_key_that_is_revoked_between_two_requests_stops_the_read_and_never_shows_in_the_message(account):
    account.table.create(ADA)
    account.connector.http.client.event_hooks["response"].append(lambda answer: account.simulator.secrets.update(api_key="demo-next-key"))

    with pytest.raises(SystemUnavailable, match="Invalid API key") as failure:
        account.read()

    assert "demo-api-key" not in str(failure.value)


def test_an_update_is_acknowledged_and_the_next_read_shows_it(account):
    account.table.create(ADA)
    version = account.connector.look(EMPLOYEES, ["1001"])["1001"].version
    body = mapping.outward(EMPLOYEES, {"job_title": "Partner", "cost_center": "C-10", "email": None})

    outcomes = account.write(update("1001", version, **body))

    assert outcomes == [Outcome("1", "acknowledged", "1001")]
    row = account.read().rows[0]
    assert (row["jobTitle"], row["customCostCenter"], row["workEmail"]) == ("Partner", "C-10", None)


def test_a_person_who_edits_between_look_and_write_keeps_the_edit(account):
    account.table.create(ADA)
    version = account.connector.look(EMPLOYEES, ["1001"])["1001"].version
    account.table.update("1001", {"jobTitle": "Partner"})

    (outcome,) = account.write(update("1001", version, jobTitle="Manager"))

    assert outcome == Outcome("1", "moved", "1001", "there, changed 2026-11-02T08:00:02+00:00, expected 2026-11-02T08:00:01+00:00")
    assert account.table.rows["1001"]["jobTitle"] == "Partner"


def test_one_refused_write_does_not_hold_up_the_others_and_is_refused_in_the_system_s_words(account):
    account.table.create(ADA)
    account.table.create(ADA | {"workEmail": "ben@firm.example"})

    outcomes = account.write(
        update("1001", jobTitle="Manager"), update("1002", workEmail="ada@firm.example"), update("9", jobTitle="Manager")
    )

    assert [(each.state, each.message) for each in outcomes] == [
        ("acknowledged", ""),
        ("rejected", "409 Duplicate email"),
        ("rejected", "404 The employee does not exist"),
    ]


def test_a_throttled_write_was_not_sent_and_an_unreadable_employee_is_not_written(account):
    account.table.create(ADA)
    account.faults.add("status", 429, method="POST")

    (throttled,) = account.write(update("1001", jobTitle="Manager"))
    account.faults.add("status", 403, method="GET")
    (unreadable,) = account.write(update("1001", "2026-11-02T08:00:01+00:00", jobTitle="Manager"))

    assert (throttled.state, unreadable.state) == ("rejected", "rejected")
    assert throttled.message.startswith("not sent:") and throttled.message.endswith("asked to wait 0.05 seconds")
    assert unreadable.message.startswith("not sent:")
    assert account.table.rows["1001"]["jobTitle"] == "Consultant"


def test_a_create_whose_answer_is_lost_is_in_doubt_and_finding_shows_exactly_one(account):
    account.table.create(ADA)
    account.faults.add("cut_after", method="POST", path="employees")
    hire = Write("7", "create", None, "W-7", {"firstName": "Hire", "lastName": "Example", "hireDate": "2026-12-01"})

    (outcome,) = account.write(hire)

    assert (outcome.key, outcome.state) == ("7", "in_doubt")
    assert account.connector.find(EMPLOYEES, ["W-7", "W-1", "W-9"]) == {"W-1": ["1001"], "W-7": ["1002"]}


def test_a_create_gives_the_new_id_and_an_unreachable_system_was_never_sent_to(account):
    hire = Write("7", "create", None, "W-7", {"firstName": "Hire", "lastName": "Example"})
    nowhere = connector.connect(SYSTEM, Connection("http://127.0.0.1:9", account.simulator.secrets))

    (created,), (lost,) = account.write(hire), nowhere.write(EMPLOYEES, [hire])

    assert created == Outcome("7", "acknowledged", "1001")
    assert lost.state == "rejected" and lost.message.startswith("not sent:")
