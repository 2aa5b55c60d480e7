"""The record types that the simulator keeps: their fields by type, and how SuiteQL names them.

From the REST API Browser and the SuiteAnalytics Records Catalog of NetSuite's help; `cust...` fields are the custom
fields that a firm adds for what NetSuite has no field for.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kind:
    """One record type.

    table     its table in SuiteQL; all transactions share one, told apart by `type`
    label     what the list of deleted records calls it
    fields    {name in the record service: text, number, boolean, date, datetime or ref}
    columns   SuiteQL's name of a field where it is not the field's own in lower case
    on_line   fields that SuiteQL keeps on the transaction's main line
    required  fields without which the account refuses a new record
    type      the transaction type code
    """

    table: str
    label: str
    fields: dict[str, str]
    columns: dict[str, str] = field(default_factory=dict)
    on_line: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    type: str | None = None

    def column(self, name: str) -> str:
        return self.columns.get(name, name.lower())


def _fields(**names: str) -> dict[str, str]:
    return {name: kind for kind, listed in names.items() for name in listed.split()}


COMMON = {"externalId": "text", "lastModifiedDate": "datetime"}
SUBLISTS = ("addressBook", "item")
ADDRESS = ("addressee", "attention", "addr1", "addr2", "addr3", "city", "state", "zip", "country", "addrPhone")

KINDS = {
    "customer": Kind(
        table="customer",
        label="Customer",
        required=("companyName", "subsidiary"),
        fields=COMMON
        | _fields(
            text="entityId companyName url phone email vatRegNumber custentity_trade_name custentity_registration_number custentity_industry",
            ref="entityStatus terms currency taxItem custentity_collections_status subsidiary parent category",
            number="creditLimit",
            boolean="isInactive isPerson",
            datetime="dateCreated",
        ),
    ),
    "employee": Kind(
        table="employee",
        label="Employee",
        required=("entityId", "subsidiary"),
        fields=COMMON
        | _fields(
            text="entityId firstName lastName email title phone custentity_employee_number",
            ref="employeeType subsidiary department supervisor",
            boolean="isInactive",
            date="hireDate releaseDate",
            datetime="dateCreated",
        ),
    ),
    "job": Kind(
        table="job",
        label="Job",
        required=("companyName", "subsidiary"),
        fields=COMMON
        | _fields(
            text="entityId companyName comments",
            number="jobPrice custentity_hourly_rate",
            date="startDate projectedEndDate",
            ref="entityStatus jobBillingType currency subsidiary parent projectManager custentity_service_line custentity_sales_order",
            boolean="isInactive",
            datetime="dateCreated",
        ),
    ),
    "salesOrder": Kind(
        table="transaction",
        label="Sales Order",
        type="SalesOrd",
        on_line=("subsidiary",),
        required=("entity", "item"),
        columns={"orderStatus": "status", "total": "foreigntotal"},
        fields=COMMON
        | _fields(
            text="tranId otherRefNum memo",
            date="tranDate startDate endDate custbody_signed_on",
            datetime="createdDate",
            number="total custbody_contract_amount custbody_hourly_rate",
            ref="entity orderStatus terms currency subsidiary custbody_contract_kind custbody_fee_model custbody_service_line",
        ),
    ),
    "timeBill": Kind(
        table="timebill",
        label="Time",
        required=("employee", "hours"),
        fields=COMMON
        | _fields(
            text="memo custcol_source_id",
            date="tranDate",
            number="hours",
            boolean="isBillable",
            ref="customer employee item approvalStatus custcol_time_status",
            datetime="createdDate",
        ),
    ),
    "invoice": Kind(
        table="transaction",
        label="Invoice",
        type="CustInvc",
        on_line=("subsidiary", "createdFrom"),
        required=("entity", "item"),
        columns={"total": "foreigntotal", "amountRemaining": "foreignamountunpaid"},
        fields=COMMON
        | _fields(
            text="tranId otherRefNum memo",
            date="tranDate dueDate",
            number="total amountRemaining",
            ref="entity status terms currency subsidiary createdFrom custbody_project",
            datetime="createdDate",
        ),
    ),
}
