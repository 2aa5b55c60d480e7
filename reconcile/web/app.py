"""The workbench as an ASGI application: routes, safety around every request, and errors as pages.

Listens to nobody itself: `hub serve` binds it to 127.0.0.1. Every request reads the newest cut with what was decided
since, and holds nothing afterwards, so pages answer while a cycle runs.
"""

import logging
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from typing import Any
from urllib.parse import quote, unquote

import js_lib_htmx
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from hub import journal as journals
from hub.errors import HubError, NotThere, Refused
from hub.firm import Firm
from hub.journal import Event, Journal
from reconcile.web import contract, corrections, duplicates, findings, home, overlay, records, safety, says, troubles, why
from reconcile.web.desk import Desk, Go, Page
from reconcile.web.overlay import Newest

HERE = Path(__file__).parent
HTMX = Path(js_lib_htmx.__file__).parent / "static" / "htmx" / "htmx.min.js"
SAID = "concord_said"
log = logging.getLogger(__name__)

# A page that shows records can be asked for again by POST: then sensitive values are told, and the look is journaled.
PAGES: dict[str, Callable[[Desk], Page]] = {
    "/": home.page,
    "/duplicates": duplicates.entities,
    "/duplicates/{entity}": duplicates.page,
    "/why/{entity}": why.page,
    "/clusters/{entity}": records.clusters,
    "/entity/{entity}/{hub_id}": records.entity,
    "/record/{system}/{object}/{id:path}": records.record,
    "/plan": corrections.page,
    "/exceptions": troubles.page,
    "/discrepancies": findings.page,
    "/ownership": contract.page,
}
ACTIONS: dict[str, Callable[[Desk], Page | Go]] = {
    "/undo": duplicates.undo,
    "/duplicates/{entity}/decide": duplicates.decide,
    "/entity/{entity}/{hub_id}/split": records.split,
    "/entity/{entity}/{hub_id}/merge": records.merge,
    "/entity/{entity}/{hub_id}/move": records.move,
    "/plan/approve": corrections.approve,
    "/plan/withdraw": corrections.withdraw,
    "/discrepancies/waive": findings.waive,
    "/exceptions/replay": troubles.replay,
}


def app(firm: Firm) -> Starlette:
    """The workbench of one firm."""
    bench = Bench(firm, journals.open(firm.journal), overlay.Newest(firm.cuts), token_bytes(32))

    @asynccontextmanager
    async def life(_: Starlette):
        yield
        bench.journal.close()
        bench.newest.close()

    return Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=HERE / "static")),
            Route("/htmx.js", lambda _: FileResponse(HTMX, headers={"cache-control": "max-age=86400"})),
            Route("/who", bench.endpoint(bench.who, needs_cut=False), methods=["GET", "POST"]),
            Route("/report", bench.endpoint(home.report)),
            Route("/fresh", bench.endpoint(bench.fresh, needs_cut=False)),
            *(Route(path, bench.endpoint(act), methods=["POST"]) for path, act in ACTIONS.items()),
            *(Route(path, bench.endpoint(page), methods=["GET", "POST"]) for path, page in PAGES.items()),
        ],
        # A foreign name that leads to loopback is refused: a page of that name could read ours.
        middleware=[Middleware(safety.Headers), Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        exception_handlers={HubError: bench.hub_error, HTTPException: bench.http_error, Exception: bench.unexpected},
        lifespan=life,
    )


@dataclass(frozen=True)
class Bench:
    """What all requests share. `key` signs the tokens of this process's forms."""

    firm: Firm
    journal: Journal
    newest: Newest
    key: bytes

    def endpoint(self, handler: Callable, needs_cut: bool = True) -> Callable:
        async def answer(request: Request) -> Response:
            form = await request.form() if request.method == "POST" else {}
            return await run_in_threadpool(self._worked if needs_cut else handler, request, form, *([handler] if needs_cut else []))

        return answer

    def _worked(self, request: Request, form: Any, handler: Callable) -> Response:
        actor, is_post = safety.actor(request), request.method == "POST"
        if is_post:
            safety.check(self.key, request, form)
        if not actor:
            return RedirectResponse(f"/who?next={quote(_address(request))}" if not is_post else "/who", 303)
        shown = is_post and handler in PAGES.values()
        if shown:
            self.journal.append([Event("sensitive.shown", request.url.path, {"query": request.url.query}, actor)])
        with overlay.reading(self.newest, self.firm, self.journal) as connection:
            found = handler(Desk(self.firm, self.journal, connection, actor, request.path_params, request.query_params, form, shown))
        return self._response(request, found)

    def _response(self, request: Request, found: Page | Go | str) -> Response:
        if isinstance(found, Go):
            response = RedirectResponse(found.to, 303)
            if found.said:
                response.set_cookie(SAID, quote(found.said), httponly=True, samesite="strict", max_age=60)
            return response
        if isinstance(found, str):
            return HTMLResponse(found, headers={"content-security-policy": safety.REPORT_POLICY})
        return self._html(request, found.template, found.values, found.status)

    def _html(self, request: Request, template: str, values: dict[str, Any], status: int = 200) -> Response:
        said = unquote(request.cookies.get(SAID, ""))
        shared = {
            "actor": safety.actor(request),
            "token": safety.token(self.key, request),
            "firm": self.firm.name,
            "here": _address(request),
            "cut": self.newest.name,
            "said": said,
            "section": request.url.path.split("/")[1],
        }
        response = HTMLResponse(says.TEMPLATES.get_template(template).render(shared | values), status)
        if said:
            response.delete_cookie(SAID)
        return response

    def who(self, request: Request, form: Any) -> Response:
        """Ask for a name, and keep it."""
        following = safety.local(str(form.get("next") or request.query_params.get("next") or "/"))
        if request.method == "GET":
            return self._html(request, "who.html", {"next": following})
        safety.check(self.key, request, form)
        return safety.named(RedirectResponse(following, 303), str(form.get("name", "")))

    def fresh(self, request: Request, form: Any) -> Response:
        """A line that says so when there is a newer cut than the one on the page; nothing otherwise."""
        if request.query_params.get("cut") == self.newest.name:
            return Response(status_code=204)
        return HTMLResponse(says.TEMPLATES.get_template("fresh.html").render(back=safety.local(request.query_params.get("back", "/"))))

    def hub_error(self, request: Request, wrong: HubError) -> Response:
        status = (
            404 if isinstance(wrong, NotThere) else 403 if isinstance(wrong, safety.NotOurs) else 409 if isinstance(wrong, Refused) else 503
        )
        return self._html(request, "error.html", {"message": str(wrong)}, status)

    def http_error(self, request: Request, wrong: HTTPException) -> Response:
        known = {
            404: "there is no page at this address; go on from the start page",
            405: "this address takes no such request; go on from there",
        }
        return self._html(request, "error.html", {"message": known.get(wrong.status_code, str(wrong.detail))}, wrong.status_code)

    def unexpected(self, request: Request, wrong: Exception) -> Response:
        log.error("workbench %s failed with %s", request.url.path, type(wrong).__name__)
        message = f"this page failed ({type(wrong).__name__}). The terminal of `hub serve` says more: pass that on, then go on from the start page"
        response = self._html(request, "error.html", {"message": message}, 500)
        response.headers["content-security-policy"] = safety.POLICY  # this answer is made outside of the middleware
        return response


def _address(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
