"""Lets clients into the simulator as NetSuite does: OAuth 2.0 client credentials, and token-based authentication.

After "OAuth 2.0 Client Credentials Flow" (a JWT signed by the client's certificate buys a bearer token for an hour)
and "Token-based Authentication" (OAuth 1.0a, RFC 5849, HMAC-SHA256) of NetSuite's help. Both are verified for real.
"""

import base64
import hashlib
import hmac
import itertools
import time
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, unquote

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

ALGORITHMS = ["PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]  # "The Request Token Structure"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def demo_key() -> ec.EllipticCurvePrivateKey:
    """The demo client's key. Made from a word, so that a client that was set up yesterday gets in today."""
    return ec.derive_private_key(int.from_bytes(hashlib.sha256(b"demo").digest()), ec.SECP256R1())


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    """The key as a client keeps it, in one line: line ends written as \\n."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode().replace("\n", "\\n")


class Gate:
    """Who may come in.

    secrets  what a client of the OAuth 2.0 flow needs: client_id, certificate_id, private_key
    tba      what a client of token-based authentication needs
    """

    def __init__(self) -> None:
        self.key = demo_key()
        self.secrets = {"client_id": "demo-client-id", "certificate_id": "demo-certificate-id", "private_key": pem(self.key)}
        self.tba = {
            "account": "DEMO_SB1",
            "consumer_key": "demo-consumer-key",
            "consumer_secret": "demo-consumer-secret",
            "token_id": "demo-token-id",
            "token_secret": "demo-token-secret",
        }
        self.numbers = itertools.count(1)
        self.tokens: set[str] = set()
        self.nonces: set[str] = set()

    async def token(self, request: Request) -> Response:
        """Answers the token endpoint."""
        form = dict(parse_qsl((await request.body()).decode()))
        if form.get("grant_type") != "client_credentials" or form.get("client_assertion_type") != ASSERTION:
            return JSONResponse({"error": "invalid_request"}, 400)
        if not self._vouched(form.get("client_assertion", ""), str(request.url)):
            return JSONResponse({"error": "invalid_client"}, 401)
        token = f"demo-access-{next(self.numbers)}"
        self.tokens.add(token)
        return JSONResponse({"access_token": token, "expires_in": "3600", "token_type": "bearer"})

    def admits(self, request: Request) -> bool:
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return rest in self.tokens
        return scheme.lower() == "oauth" and self._signed(request, dict(_parameters(rest)))

    def _vouched(self, assertion: str, audience: str) -> bool:
        try:
            if jwt.get_unverified_header(assertion).get("kid") != self.secrets["certificate_id"]:
                return False
            said = jwt.decode(
                assertion,
                self.key.public_key(),
                algorithms=ALGORITHMS,
                audience=audience,
                issuer=self.secrets["client_id"],
                options={"require": ["iss", "scope", "aud", "exp", "iat"]},
            )
        except jwt.PyJWTError:
            return False
        return said["exp"] - said["iat"] <= 3600 and "rest_webservices" in said["scope"]

    def _signed(self, request: Request, said: dict[str, str]) -> bool:
        names = {"oauth_consumer_key": "consumer_key", "oauth_token": "token_id", "realm": "account"}
        known = all(said.get(theirs) == self.tba[ours] for theirs, ours in names.items())
        fresh = said.get("oauth_nonce") not in self.nonces and abs(time.time() - float(said.get("oauth_timestamp", 0))) < 300
        if not known or not fresh or said.get("oauth_signature_method") != "HMAC-SHA256":
            return False
        self.nonces.add(said["oauth_nonce"])
        right = _signature(request, said, self.tba["consumer_secret"], self.tba["token_secret"])
        return hmac.compare_digest(right, said.get("oauth_signature", ""))


def _parameters(header: str) -> Iterator[tuple[str, str]]:
    """The parameters of an OAuth 1.0 header (RFC 5849, 3.5.1)."""
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        yield name, unquote(value.strip('"'))


def _signature(request: Request, said: dict[str, str], consumer_secret: str, token_secret: str) -> str:
    """The signature that the request ought to bear (RFC 5849, 3.4)."""
    url = request.url
    signed = [(name, value) for name, value in said.items() if name not in ("realm", "oauth_signature")]
    signed += parse_qsl(url.query, keep_blank_values=True)
    normal = "&".join(f"{name}={value}" for name, value in sorted((_encoded(name), _encoded(value)) for name, value in signed))
    base = "&".join(_encoded(part) for part in (request.method, f"{url.scheme}://{url.netloc}{url.path}", normal))
    key = f"{_encoded(consumer_secret)}&{_encoded(token_secret)}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()


def _encoded(text: str) -> str:
    return quote(text, safe="-._~")
