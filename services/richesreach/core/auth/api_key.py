"""The form of API keys: `rr_<id>_<secret><checksum>`, of letters and digits.

The id is public and finds the key; the secret proves it. The checksum tells a mistyped or invented key before
anything is asked, and lets scanners for leaked secrets know a real one. A secret is 43 characters of 62, more
than 256 bits: a hash without salt or stretching is enough, as nothing shorter than all of them can be tried.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field

from richesreach.core.auth.credentials import KEY_PREFIX

ID_LENGTH, SECRET_LENGTH, CHECKSUM_LENGTH = 12, 43, 6
_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_FORM = re.compile(
    f"{KEY_PREFIX}([0-9A-Za-z]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})"
    f"([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`id` may be shown and logged, `secret` never."""

    id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """What its owner sends."""
        body = f"{KEY_PREFIX}{self.id}_{self.secret}"
        return body + _checksum(body)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the secret: what is stored."""
        return hashlib.sha256(self.secret.encode()).digest()

    def proves(self, digest: bytes) -> bool:
        """Whether this is the secret that was stored as `digest`; takes as long for any other."""
        return hmac.compare_digest(self.digest, digest)


def parse(text: str) -> ApiKey | None:
    """The key; None for what has not the form of one, or another checksum."""
    found = _FORM.fullmatch(text) if text.isascii() else None
    if found is None or found[3] != _checksum(text[:-CHECKSUM_LENGTH]):
        return None
    return ApiKey(found[1], found[2])


def mint(key_id: str | None = None) -> ApiKey:
    """A new key, or a new secret for the one with this id."""
    return ApiKey(key_id or _random(ID_LENGTH), _random(SECRET_LENGTH))


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _checksum(body: str) -> str:
    number, found = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_LETTERS))
        found = _LETTERS[digit] + found
    return found
