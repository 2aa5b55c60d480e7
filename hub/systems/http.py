"""The HTTP part that all connectors share: one pooled client a system, paced, timed, renewed, redacted.

Reads are retried. A write is sent once: whoever sends it must be able to live with `InDoubt`.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent import futures
from pathlib import Path
from typing import Any, TypeVar

import httpx
import stamina
from pydantic_core import to_json

from hub.errors import HubError, SystemUnavailable
from hub.systems.budget import Budget

log = logging.getLogger(__name__)
Item, Done = TypeVar("Item"), TypeVar("Done")
RETRIED = {408, 425, 429, 500, 502, 503, 504}
CORRELATION = "X-Correlation-ID"


class InDoubt(HubError):
    """A write was sent and its fate is unknown. Settle it by looking, never by sending again."""


class NotSent(HubError):
    """A write never left this machine, or was turned away at the door (429). Nothing happened."""


class Spent(HubError):
    """The budget of requests that all workers share is used up."""


class Token(httpx.Auth):
    """A bearer token, fetched when first needed and renewed once when the system answers 401, also between two pages."""

    requires_response_body = True

    def __init__(self, fetch: Callable[[], str], header: Callable[[str], str] = "Bearer {}".format):
        self.fetch, self.header, self.token, self.lock = fetch, header, None, threading.Lock()

    def auth_flow(self, request):
        used = self.current()
        request.headers["Authorization"] = self.header(used)
        response = yield request
        if response.status_code == 401:
            # A 401 says that nothing was carried out, so even a write may be sent again with a fresh token.
            request.headers["Authorization"] = self.header(self.renewed(used))
            yield request

    def current(self) -> str:
        with self.lock:
            self.token = self.token or self.fetch()
            return self.token

    def renewed(self, used: str) -> str:
        with self.lock:
            if self.token == used:
                self.token = self.fetch()
            return self.token


class NoCookies(httpx.Cookies):
    """A system knows us by the token of each request. Looking for cookies takes httpx a fifth of a request's time."""

    def extract_cookies(self, response: httpx.Response) -> None:
        pass


class Client(httpx.Client):
    cookies = NoCookies()


class Retry(Exception):
    """A read got an answer that may be better next time."""

    def __init__(self, response: httpx.Response):
        self.response, self.after = response, _seconds(response.headers.get("retry-after"))
        super().__init__(f"{response.request.method} {response.request.url.path} answered {response.status_code}")


class Http:
    """A system's pooled HTTP client. Thread-safe. Times in seconds.

    limits  in_flight for this client; per_second and per_day for all workers that name the same file as `budget`
    """

    def __init__(
        self,
        base_url: str,
        *,
        system: str,
        auth: httpx.Auth | None = None,
        headers: dict[str, str] | None = None,
        limits: Mapping[str, float] | None = None,
        budget: Path | None = None,
        timeout: float = 30,
        attempts: int = 5,
        secrets: Iterable[str] = (),
        verify: bool | str = True,
    ):
        limits = limits or {}
        self.at_once = int(limits.get("in_flight", 8))
        self.hands = futures.ThreadPoolExecutor(self.at_once, thread_name_prefix=system)  # its threads begin with the first work for them
        self.system, self.attempts, self.base_url = system, attempts, base_url.rstrip("/")
        # Loading the authorities takes 50 ms; an address without TLS has no use for them.
        verify = verify if base_url.startswith("https") else False
        self.client = Client(
            auth=auth,
            headers=headers,
            timeout=timeout,
            verify=verify,
            trust_env=False,
            limits=httpx.Limits(max_connections=self.at_once, max_keepalive_connections=self.at_once),
        )
        self.budget = Budget(system, limits, budget)
        self.redact, self.free_at = redactor(secrets), 0.0

    def read(self, method: str, url: str, **request: Any) -> httpx.Response:
        """An answer below 400, after as many tries as it takes.

        Raises SystemUnavailable after the last try; answers 400 to 404 and other refusals come back as they are.
        """
        try:
            for attempt in stamina.retry_context(on=_worth_retrying, attempts=self.attempts, wait_initial=0.2, wait_max=30, timeout=180):
                with attempt:
                    response = self._request(method, url, **request)
                    if response.status_code in RETRIED:
                        raise Retry(response)
                    return response
        except Spent as failure:
            raise SystemUnavailable(str(failure)) from failure
        except (Retry, httpx.TransportError) as failure:
            raise SystemUnavailable(
                f"{self.system} {url}: {self.redact(str(failure))} {self.attempts} times; see if the system is up, then run again"
            ) from failure

    def send(self, method: str, url: str, about: str, json: Any = None) -> httpx.Response:
        """The answer to a write, sent once. Raises NotSent, or InDoubt when no answer tells what happened.

        about  the id of the push, of a batch the first one's: it goes along, so that a log of the system or of a gateway leads to the journal
        json   the body, if it has one; written as the journal writes payloads (what is no number stays NaN, which no system takes)
        """
        headers, request = {CORRELATION: about}, {}
        if json is not None:
            headers["Content-Type"], request["content"] = "application/json", to_json(json)
        try:
            response = self._request(method, url, headers=headers, **request)
        except (Spent, httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as failure:
            raise NotSent(f"{self.system} {method} {url}: {self.redact(str(failure))}") from failure
        except httpx.TransportError as failure:
            raise InDoubt(f"{self.system} {method} {url}: {type(failure).__name__} {self.redact(str(failure))}") from failure
        if response.status_code == 429:
            raise NotSent(f"{self.system} {method} {url}: asked to wait {response.headers.get('retry-after', 'some')} seconds")
        if response.status_code >= 500:
            raise InDoubt(f"{self.system} {method} {url}: answered {response.status_code} {self.redact(response.text[:200])}")
        return response

    def each(self, act: Callable[[Item], Done], items: Sequence[Item]) -> list[Done]:
        """What `act` gives for each item, in their order, as many at once as requests may be in flight.

        Raises what `act` raises for the first item that it fails on; of the others, those that have not begun then never begin.
        """
        if self.at_once == 1 or len(items) < 2:
            return [act(item) for item in items]
        begun = [self.hands.submit(act, item) for item in items]
        try:
            return [each.result() for each in begun]
        finally:
            futures.wait([each for each in begun if not each.cancel()])

    def close(self) -> None:
        self.hands.shutdown()
        self.client.close()
        self.budget.close()

    def _request(self, method: str, url: str, **request: Any) -> httpx.Response:
        if not self.budget.turn():
            raise Spent(f"{self.system} {url}: all requests that it may get are used up; raise its limits in concord.yaml, or wait")
        if (wait := self.free_at - time.monotonic()) > 0:
            time.sleep(wait)
        # Whole urls: httpx parses one three times until it has joined it to a base.
        response = self.client.request(method, self.base_url + "/" + url.lstrip("/"), **request)
        if response.status_code == 429:  # a system that asks for less gets nothing from any of us until its time is up
            self.free_at = time.monotonic() + (_seconds(response.headers.get("retry-after")) or 1.0)
        took = response.elapsed.total_seconds() * 1000
        log.debug("%s %s %s answered %d in %.0f ms", self.system, method, response.url.path, response.status_code, took)
        return response


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that blots out these secrets, bearer tokens and basic credentials in a text."""
    known = [re.escape(secret) for secret in secrets if secret]
    pattern = re.compile("|".join([*known, r"(?i:bearer|basic|session|token)\s+[\w\-.=+/:!]{8,}"]))
    return lambda text: pattern.sub("•••", text)


def _worth_retrying(failure: Exception) -> bool | float:
    if isinstance(failure, Retry):
        return failure.after or True
    return isinstance(failure, httpx.TransportError)


def _seconds(retry_after: str | None) -> float | None:
    return min(float(retry_after), 60.0) if retry_after and retry_after.replace(".", "", 1).isdigit() else None
