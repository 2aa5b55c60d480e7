"""Requests on rows, collections of rows, and composites of such requests, carried out on the simulated org."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from hub.systems.salesforce.org import long_id
from hub.systems.salesforce.records import Answer, Records, Refusal, attributes, readable
from hub.systems.simulator import Record

ROW = re.compile(r"/services/data/v[\d.]+/sobjects/(?P<object>\w+)(?:/(?P<first>\w+))?(?:/(?P<value>[^/?]+))?/?$")
COLLECTION, RETRIEVED, COMPOSITE = 200, 2000, 25


def row(
    records: Records, method: str, path: Mapping[str, str], body: Record, headers: Mapping[str, str], query: Mapping[str, str]
) -> Answer:
    """The answer to a request on one record; path has object, and id, or key and value of an external id."""
    name, record_id = path["object"], path.get("id", "")
    if "value" in path:
        if method == "PATCH":
            return records.upsert(name, path["key"], path["value"], body)
        found = records.matching(name, path["key"], path["value"])
        if not found:
            raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
        record_id = found[0]["Id"]
    if method == "POST":
        return records.create(name, body)
    if method == "PATCH":
        return records.update(name, record_id, body, headers)
    if method == "DELETE":
        return records.delete(name, record_id)
    return records.get(name, record_id, query["fields"].split(",") if "fields" in query else [], headers)


def collection(records: Records, method: str, path: Mapping[str, str], body: Record) -> Answer:
    """One result for each record, in order: "sObject Collections"."""
    if str(body.get("allOrNone", False)).lower() == "true":
        raise Refusal(400, "NOT_SUPPORTED", "this simulated org saves partially only; send allOrNone=false")
    each = body["ids"] if method == "DELETE" else body["records"]
    if len(each) > COLLECTION:
        raise Refusal(400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {COLLECTION} records in this api")
    if method != "DELETE":
        for values in each:  # what can't be deserialized refuses the whole request
            readable(records.table(values["attributes"]["type"]).kind, values)
    return Answer(200, [_result(lambda one=one: _one(records, method, path, one)) for one in each])


def retrieved(records: Records, name: str, body: Record) -> Answer:
    """A record for each id, null for one that is not there: "Get Records With a Request Body Using sObject Collections"."""
    table = records.table(name)
    if len(body["ids"]) > RETRIEVED:
        raise Refusal(400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {RETRIEVED} records in this api")
    for field in body["fields"]:
        if field.lower() not in table.kind.fields:
            raise Refusal(400, "INVALID_FIELD", f"No such column '{field}' on entity '{name}'", (field,))
    fields = dict.fromkeys(["Id", *(table.kind.fields[field.lower()].name for field in body["fields"])])
    rows = [table.rows.get(long_id(record_id)) for record_id in body["ids"]]
    return Answer(200, [row and {"attributes": attributes(name, row), **{field: row[field] for field in fields}} for row in rows])


def composite(records: Records, body: Record) -> Answer:
    """One answer for each subrequest, in order: "Composite"."""
    if body.get("allOrNone"):
        raise Refusal(400, "NOT_SUPPORTED", "this simulated org saves partially only; send allOrNone=false")
    if len(body["compositeRequest"]) > COMPOSITE:
        raise Refusal(400, "INVALID_INPUT", f"Limit exceeded: a composite request may contain {COMPOSITE} subrequests")
    return Answer(200, {"compositeResponse": [_sub(records, request) for request in body["compositeRequest"]]})


def _one(records: Records, method: str, path: Mapping[str, str], one: Any) -> Record:
    if method == "DELETE":
        name = next((name for name, table in records.tables.items() if one.startswith(table.kind.prefix)), "")
        records.delete(name, one)
        return {"id": one, "success": True, "errors": []}
    name = one["attributes"]["type"]
    if method == "POST":
        return records.create(name, one).body
    if "key" in path:
        values = {field: value for field, value in one.items() if field != path["key"]}
        if not one.get(path["key"]):
            raise Refusal(400, "MISSING_ARGUMENT", f"{path['key']} not specified", (path["key"],))
        return records.upsert(name, path["key"], one[path["key"]], values).body
    record_id = one.get("id") or one.get("Id") or ""
    records.update(name, record_id, one)
    return {"id": record_id, "success": True, "errors": []}


def _result(act: Callable[[], Record]) -> Record:
    try:
        return act()
    except Refusal as refusal:
        return {"success": False, "errors": [{"statusCode": refusal.code, "message": refusal.message, "fields": list(refusal.fields)}]}


def _sub(records: Records, request: Record) -> Record:
    try:
        if not (found := ROW.match(unquote(request["url"]))):
            raise Refusal(400, "INVALID_INPUT", f"this simulated org has no subrequests of {request['url']}")
        path = {
            "object": found["object"],
            **({"key": found["first"], "value": found["value"]} if found["value"] else {"id": found["first"]}),
        }
        headers = {name.lower(): value for name, value in request.get("httpHeaders", {}).items()}
        answer = row(records, request["method"], path, request.get("body") or {}, headers, {})
    except Refusal as refusal:
        answer = Answer(refusal.status, refusal.body())
    return {"body": answer.body, "httpHeaders": answer.headers, "httpStatusCode": answer.status, "referenceId": request["referenceId"]}
