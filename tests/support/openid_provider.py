"""A small OpenID Connect provider on a loopback port: discovery, authorize, token, userinfo and keys.

Whoever comes to `authorize` is signed in there as `person` already. What it answers can be bent, to see that the
product does not bend with it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.http_stand_in import serving

KEY_ID = "the-only-one"


class Provider:
    """`person` are the claims about who signs in; `bent` overrides claims of the id_token, `userinfo` those of the
    userinfo answer."""

    def __init__(self) -> None:
        self.client_id, self.client_secret = "currents-client", secrets.token_urlsafe(24)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.person: dict[str, Any] = {}
        self.bent: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.broken = self.cancels = False
        self.forged = ""
        self.codes: dict[str, dict[str, str]] = {}
        self.handed_out: set[str] = set()  # secrets nobody else may keep
        self.url = ""

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def keys(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [public | {"kid": KEY_ID, "alg": "RS256", "use": "sig"}]}

    def authorize(self, asked: dict[str, str]) -> str:
        """The address to send the browser to."""
        assert asked["client_id"] == self.client_id
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert set(asked["scope"].split()) == {"openid", "email", "profile"}
        if self.cancels:
            return f"{asked['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': asked['state']})}"
        code = self._secret()
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form.get("code", ""), None)
        proof = form.get("code_verifier", "").encode()
        self.handed_out.add(form.get("code_verifier") or "-" * 40)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(proof).digest()).rstrip(b"=").decode()
        if (
            asked is None
            or not secrets.compare_digest(form.get("client_secret", ""), self.client_secret)
            or form.get("redirect_uri") != asked["redirect_uri"]
            or challenge != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = (
            {"iss": self.url, "aud": self.client_id, "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
            | self.person
            | self.bent
        )
        id_token = self.sign(claims)
        self.handed_out.add(id_token)
        return 200, {"access_token": self._secret(), "token_type": "Bearer", "id_token": id_token}

    def sign(self, claims: dict[str, Any]) -> str:
        """With the published key, or in one of the ways a forger would."""
        match self.forged:
            case "none":
                return jwt.encode(claims, "", algorithm="none", headers={"kid": KEY_ID})
            case "shared secret":
                return jwt.encode(claims, self.client_secret, algorithm="HS256", headers={"kid": KEY_ID})
            case "no key named":
                return jwt.encode(claims, self.key, algorithm="RS256")
            case "another key":
                key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
                return jwt.encode(claims, key, algorithm="RS256", headers={"kid": KEY_ID})
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": KEY_ID})

    def _secret(self) -> str:
        made = secrets.token_urlsafe(24)
        self.handed_out.add(made)
        return made

    def answer(self, method: str, target: str, form: str, authorization: str) -> tuple[int, Any]:
        """Status and JSON; a string is an address to be redirected to."""
        parts = urlsplit(target)
        if self.broken:
            return 503, {}
        match method, parts.path:
            case "GET", "/.well-known/openid-configuration":
                return 200, self.discovery()
            case "GET", "/keys":
                return 200, self.keys()
            case "GET", "/authorize":
                return 302, self.authorize(dict(parse_qsl(parts.query)))
            case "POST", "/token":
                return self.token(dict(parse_qsl(form)))
            case "GET", "/userinfo":
                known = authorization.removeprefix("Bearer ") in self.handed_out
                return (200, self.person | self.userinfo) if known else (401, {})
        return 404, {}


@contextmanager
def running_provider() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            authorization = self.headers.get("Authorization", "")
            status, said = provider.answer(self.command, self.path, form, authorization)
            self.send_response(status)
            body = b"" if isinstance(said, str) else json.dumps(said).encode()
            if isinstance(said, str):
                self.send_header("Location", said)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

    with serving(Handler) as provider.url:
        yield provider
