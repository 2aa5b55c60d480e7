"""How the simulator answers: NetSuite's refusals, and pages of a collection."""

from starlette.requests import Request

from hub.systems.simulator import Record

RFC = "https://www.rfc-editor.org/rfc"
KINDS = {
    400: (f"{RFC}/rfc9110.html#section-15.5.1", "Bad Request"),
    401: (f"{RFC}/rfc9110.html#section-15.5.2", "Unauthorized"),
    404: (f"{RFC}/rfc9110.html#section-15.5.5", "Not Found"),
    429: (f"{RFC}/rfc6585.html#section-4", "Too Many Requests"),
}


class Refusal(Exception):
    """An answer that says no ("Error Handling in REST Web Services").

    where  what was wrong: o:errorPath, o:urlPath, o:errorHeader or o:errorQueryParam
    """

    def __init__(self, status: int, code: str, detail: str, where: dict[str, str] | None = None):
        kind, title = KINDS[status]
        self.status = status
        self.body = {
            "type": kind,
            "title": title,
            "status": status,
            "o:errorDetails": [{"detail": detail, **(where or {}), "o:errorCode": code}],
        }


def window(request: Request) -> tuple[int, int]:
    """The limit and the offset that a request asks for ("Collection Paging")."""
    limit, offset = (int(request.query_params.get(name, default)) for name, default in (("limit", 1000), ("offset", 0)))
    if not 1 <= limit <= 1000:
        raise Refusal(400, "INVALID_PARAMETER", "The limit must be from 1 to 1000.", {"o:errorQueryParam": "limit"})
    if offset % limit:
        raise Refusal(400, "INVALID_PARAMETER", "The offset must be divisible by the limit.", {"o:errorQueryParam": "offset"})
    return limit, offset


def page(request: Request, items: list[Record], total: int) -> Record:
    """The items in the request's window as a page of `total`."""
    limit, offset = window(request)
    links = [{"rel": "self", "href": str(request.url)}]
    if more := offset + limit < total:
        links.append({"rel": "next", "href": str(request.url.include_query_params(limit=limit, offset=offset + limit))})
    listed = [{"links": [], **item} for item in items]
    return {"links": links, "count": len(items), "hasMore": more, "items": listed, "offset": offset, "totalResults": total}
