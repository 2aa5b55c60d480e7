"""The signed assertion that buys a bearer token: "The Request Token Structure", OAuth 2.0 client credentials flow."""

import time
from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hub.errors import ConfigurationWrong

CURVES = {256: "ES256", 384: "ES384", 521: "ES512"}
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def private_key(secrets: Mapping[str, str]) -> Key:
    """The certificate's private key: PEM, with line ends as such or written as \\n. Raises ConfigurationWrong."""
    if missing := [name for name in ("client_id", "certificate_id", "private_key") if not secrets.get(name)]:
        raise ConfigurationWrong(
            f"netsuite: no {', '.join(missing)}; NetSuite shows them under Integrations and OAuth 2.0 Client Credentials Setup"
        )
    try:
        return load_pem_private_key(secrets["private_key"].replace("\\n", "\n").encode(), None)
    except ValueError as wrong:
        raise ConfigurationWrong(
            "netsuite: private_key is no PEM key without a password; give the one that belongs to the certificate"
        ) from wrong


def signed(secrets: Mapping[str, str], key: Key, audience: str) -> dict[str, str]:
    """The form to post to the token endpoint, whose URL is `audience`; good for five minutes."""
    algorithm = CURVES[key.curve.key_size] if isinstance(key, ec.EllipticCurvePrivateKey) else "PS256"
    now = int(time.time())
    claims = {"iss": secrets["client_id"], "scope": "rest_webservices", "aud": audience, "iat": now, "exp": now + 300}
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, key, algorithm, headers={"kid": secrets["certificate_id"]}),
    }
