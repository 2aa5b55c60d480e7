"""Who asks, and whether the request comes from our own page: actor cookie, same origin, token, response headers.

No password: the workbench binds loopback, and whoever can reach it may type any name. Real sign-in comes later.
"""

import hmac
from secrets import token_urlsafe
from urllib.parse import quote, unquote, urlsplit

from starlette.datastructures import FormData, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.errors import Refused

COOKIE = "concord_actor"
RESERVED = ("hub", "policy")  # actors of the journal that are not people
LONGEST = 80
# Nothing from elsewhere, nothing inline. The report draws its own styles, and has no script.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"


class NotOurs(Refused):
    """A request that would change something did not come from a page of this workbench."""


def actor(request: Request) -> str:
    """The name that was given; empty when none was."""
    return unquote(request.cookies.get(COOKIE, "").partition(".")[0])


def named(response: Response, name: str) -> Response:
    """The response, remembering the name. Raises Refused for a name that can't be a person's."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST or not name.isprintable() or name.lower() in RESERVED:
        raise Refused(
            f"{name[:LONGEST]!r} is no name to sign decisions with; give your own, up to {LONGEST} letters, not {' or '.join(RESERVED)}"
        )
    response.set_cookie(COOKIE, f"{quote(name, safe='')}.{token_urlsafe(12)}", httponly=True, samesite="strict", max_age=30 * 24 * 3600)
    return response


def token(key: bytes, request: Request) -> str:
    """What a form of this browser has to carry."""
    return hmac.new(key, request.cookies.get(COOKIE, "").encode(), "sha256").hexdigest()


def check(key: bytes, request: Request, form: FormData) -> None:
    """Raises NotOurs unless the form came from a page that we gave to this browser."""
    origin = request.headers.get("origin")
    if not origin or urlsplit(origin).netloc != request.headers.get("host"):
        raise NotOurs("this request came from another site, and nothing was changed; open the workbench itself and try again there")
    if not hmac.compare_digest(str(form.get("token", "")).encode(), token(key, request).encode()):
        raise NotOurs(
            "this page is older than the workbench that runs now, and nothing was changed; load the page again, then repeat what you did"
        )


def local(path: str) -> str:
    """A path of this workbench; the home page for anything else."""
    parts = urlsplit(path)
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc and path.isprintable() else "/"


class Headers:
    """ASGI middleware: every answer says what a browser may do with it."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", POLICY)
                headers["x-content-type-options"], headers["referrer-policy"] = "nosniff", "same-origin"
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, with_headers)
