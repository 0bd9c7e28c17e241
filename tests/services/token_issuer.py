"""An issuer of tokens as Cognito is one: signing keys that rotate, and a JWKS document over HTTP."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
import loopback
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from loopback import serving

CLIENT = "web-client"
SUBJECT = "5f0c3a52-8a2b-4f0e-9c55-0d6c1f9c2a11"
Claims = dict[str, Any]


@cache
def private_key(number: int, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same key for the same number in all tests: to make one takes long."""
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


class Issuer:
    """`documents` counts how often the keys were asked for; `status` other than 200 is an outage."""

    def __init__(self) -> None:
        self.published = {"key-1": private_key(1)}
        self.documents = 0
        self.status = 200
        self.body: bytes | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.documents += 1
                found = self.path == "/pool/.well-known/jwks.json"
                body = outer.document() if found else b"{}"
                self.send_response(outer.status if found else 404)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                return

        host, port = loopback.own_address()
        self.server = HTTPServer((host, port), Handler)
        self.url = f"http://{host}:{port}/pool"

    @property
    def variables(self) -> dict[str, str]:
        """What a task's environment says about it."""
        return {"IDENTITY_ISSUER": self.url, "IDENTITY_CLIENTS": f"{CLIENT} service-client"}

    def document(self) -> bytes:
        if self.body is not None:
            return self.body
        keys = [jwk(number, key) for number, key in self.published.items()]
        return json.dumps({"keys": keys}).encode()

    def claims(self, *groups: str, **changed: Any) -> Claims:
        """Of an access token; a claim that is changed to None is left out."""
        now = int(time.time())
        found = {
            "iss": self.url,
            "sub": SUBJECT,
            "client_id": CLIENT,
            "token_use": "access",
            "username": "somebody",
            "scope": "aws.cognito.signin.user.admin",
            "iat": now,
            "exp": now + 300,
            "cognito:groups": list(groups),
            **changed,
        }
        return {name: value for name, value in found.items() if value is not None}

    def token(self, *groups: str, key_id: str = "key-1", **changed: Any) -> str:
        signer = self.published.get(key_id, private_key(1))
        return sign(self.claims(*groups, **changed), signer, kid=key_id)


def jwk(key_id: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
    return {
        **RSAAlgorithm.to_jwk(key.public_key(), as_dict=True),
        "kid": key_id,
        "use": "sig",
        "alg": "RS256",
    }


def sign(claims: Claims, key: rsa.RSAPrivateKey, **header: Any) -> str:
    """Whatever the claims are: the library's own `jwt.encode` refuses some that a forger would not."""
    return jwt.PyJWS().encode(json.dumps(claims).encode(), key, algorithm="RS256", headers=header)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@contextmanager
def issuer() -> Iterator[Issuer]:
    started = Issuer()
    with serving(started.server):
        yield started
