"""The signed assertion that buys a bearer token: "The Request Token Structure", OAuth 2.0 client credentials flow."""

import time
from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

CURVES = {256: "ES256", 384: "ES384", 521: "ES512"}


def signed(secrets: Mapping[str, str], audience: str) -> dict[str, str]:
    """The form to post to the token endpoint, whose URL is `audience`; good for five minutes.

    secrets  client_id, certificate_id, and the certificate's private_key in PEM, line ends as such or written as \\n
    """
    key = load_pem_private_key(secrets["private_key"].replace("\\n", "\n").encode(), None)
    algorithm = CURVES[key.curve.key_size] if isinstance(key, ec.EllipticCurvePrivateKey) else "PS256"
    now = int(time.time())
    claims = {"iss": secrets["client_id"], "scope": "rest_webservices", "aud": audience, "iat": now, "exp": now + 300}
    return {"grant_type": "client_credentials", "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode(claims, key, algorithm, headers={"kid": secrets["certificate_id"]})}
