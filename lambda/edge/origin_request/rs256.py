"""RSASSA-PKCS1-v1_5 with SHA-256 (RS256), verification only, with the standard library alone.

Lambda@Edge takes no layer, and a compiled dependency would tie the code to a build machine; a verifier holds
no secret and is short. The whole encoded message is built anew and compared, so nothing of the padding is
parsed: that is what the forgeries against lax verifiers abuse.
Source: RFC 8017, 8.2.2 (verification) and 9.2 (EMSA-PKCS1-v1_5); RFC 7518, 3.3 and 6.3.1 (keys as JWK).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

#: DER of DigestInfo for SHA-256 up to the digest (RFC 8017, 9.2, note 1).
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")

#: RFC 7518, 3.3: a key of 2048 bits or larger MUST be used; the upper bound keeps the work bounded.
_LEAST_BITS, _MOST_BITS = 2048, 8192


class InvalidKeyError(ValueError):
    """A JSON Web Key that is no RSA key of acceptable size."""


@dataclass(frozen=True)
class PublicKey:
    """An RSA public key: modulus and exponent."""

    modulus: int
    exponent: int

    @property
    def size(self) -> int:
        """Length of the modulus, and so of every signature, in bytes."""
        return (self.modulus.bit_length() + 7) // 8


def decode(text: str) -> bytes:
    """Base64url without padding, as in JOSE. Raises ValueError for anything else."""
    raw = text.encode("ascii")
    if len(raw) % 4 == 1 or b"=" in raw:
        raise ValueError("not base64url")
    try:
        found = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64url") from None
    # One text for one value: the unused bits of the last character must be zero.
    if base64.urlsafe_b64encode(found).rstrip(b"=") != raw:
        raise ValueError("not canonical base64url")
    return found


def public_key(jwk: dict[str, object]) -> PublicKey:
    """The key of a JWK with members ``n`` and ``e``.

    Raises:
        InvalidKeyError: it is no RSA key, or its size or exponent is not acceptable.
    """
    if jwk.get("kty") != "RSA":
        raise InvalidKeyError("not an RSA key")
    try:
        modulus = int.from_bytes(decode(str(jwk["n"])), "big")
        exponent = int.from_bytes(decode(str(jwk["e"])), "big")
    except (KeyError, ValueError):
        raise InvalidKeyError("n or e is missing or no base64url") from None
    if not _LEAST_BITS <= modulus.bit_length() <= _MOST_BITS or modulus % 2 == 0:
        raise InvalidKeyError("the modulus has no acceptable size")
    if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > 32:
        raise InvalidKeyError("the exponent is not acceptable")
    return PublicKey(modulus, exponent)


def verify(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """True when ``signature`` over ``message`` was made with the private key of ``key``."""
    if len(signature) != key.size:
        return False
    representative = int.from_bytes(signature, "big")
    if representative >= key.modulus:
        return False
    recovered = pow(representative, key.exponent, key.modulus).to_bytes(key.size, "big")
    ending = _DIGEST_INFO + hashlib.sha256(message).digest()
    padding = b"\xff" * (key.size - len(ending) - 3)
    return hmac.compare_digest(recovered, b"\x00\x01" + padding + b"\x00" + ending)
