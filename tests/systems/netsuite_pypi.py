"""What the PyPI client `netsuite` does at a NetSuite account. Arguments: host and port, token-based credentials as JSON."""

import asyncio
import json
import sys

from netsuite import Config, NetSuiteRestApi
from netsuite.exceptions import NetsuiteAPIRequestError


async def main(hostname: str, tba: dict[str, str]) -> dict[str, object]:
    account = tba.pop("account")
    client = NetSuiteRestApi(Config(account=account, auth=tba))
    client.hostname = hostname
    thief = NetSuiteRestApi(Config(account=account, auth=tba | {"token_secret": "guessed"}))
    thief.hostname = hostname

    await client.put("/record/v1/customer/eid:P-1", json={"companyName": "Python & Co", "subsidiary": {"id": "2"}})
    await client.put("/record/v1/customer/eid:P-1", json={"companyName": "Python & Söhne"})
    made = await client.get("/record/v1/customer/eid:P-1")
    line = {"defaultBilling": True, "addressBookAddress": {"city": "Köln"}}
    await client.patch(f"/record/v1/customer/{made['id']}", json={"addressBook": {"items": [line]}})
    listed = await client.get("/record/v1/customer", params={"limit": 1, "offset": 1})
    expanded = await client.get(f"/record/v1/customer/{made['id']}", params={"expandSubResources": "true"})
    pages = [
        await client.suiteql("SELECT id, companyname FROM customer WHERE id > 1000 ORDER BY id", limit=2, offset=offset)
        for offset in (0, 2)
    ]
    await client.delete(f"/record/v1/customer/{made['id']}")
    deleted = await client.suiteql("SELECT recordid, TO_CHAR(deleteddate, 'YYYY') AS year FROM deletedrecord WHERE type = 'Customer'")
    return {
        "made": made,
        "listed": listed,
        "expanded": expanded,
        "pages": pages,
        "deleted": deleted["items"],
        "unknown_field": await refusal(client.post("/record/v1/customer", json={"companyNam": "X"})),
        "gone": await refusal(client.get(f"/record/v1/customer/{made['id']}")),
        "forged": await refusal(thief.get("/record/v1/customer")),
    }


async def refusal(request) -> dict[str, object]:
    try:
        await request
    except NetsuiteAPIRequestError as refused:
        return {"status": refused.status_code} | json.loads(refused.response_text)["o:errorDetails"][0]
    return {}


print(json.dumps(asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))))
