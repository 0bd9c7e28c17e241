"""RS256: what an independent implementation signs is accepted, and nothing else is."""

from __future__ import annotations

from types import ModuleType

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lambda_.edge.conftest import Issuer, encode

SHARED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def rs256(request_function: dict[str, ModuleType]) -> ModuleType:
    return request_function["rs256"]


@SHARED
@given(message=st.binary(max_size=300))
def test_signature_of_any_message_is_accepted(message: bytes, rs256: ModuleType, issuer: Issuer) -> None:
    assert rs256.verify(rs256.public_key(issuer.jwk()), message, issuer.sign(message))


@SHARED
@given(place=st.integers(0, 255), change=st.integers(1, 255))
def test_no_byte_of_a_signature_may_change(
    place: int, change: int, rs256: ModuleType, issuer: Issuer
) -> None:
    signature = bytearray(issuer.sign(b"message"))
    signature[place] ^= change
    assert not rs256.verify(rs256.public_key(issuer.jwk()), b"message", bytes(signature))


@SHARED
@given(made_up=st.binary(max_size=600))
def test_what_was_never_signed_is_refused(made_up: bytes, rs256: ModuleType, issuer: Issuer) -> None:
    assert not rs256.verify(rs256.public_key(issuer.jwk()), b"message", made_up)


@pytest.mark.parametrize("length", [2048, 3072, 4096])
def test_keys_of_every_usual_length_work(length: int, rs256: ModuleType) -> None:
    issuer = Issuer(rsa.generate_private_key(public_exponent=65537, key_size=length))
    assert rs256.verify(rs256.public_key(issuer.jwk()), b"m", issuer.sign(b"m"))


def test_signature_with_another_digest_is_refused(rs256: ModuleType, issuer: Issuer) -> None:
    signature = issuer.key.sign(b"m", padding.PKCS1v15(), hashes.SHA512())
    assert not rs256.verify(rs256.public_key(issuer.jwk()), b"m", signature)


def test_signature_with_pss_padding_is_refused(rs256: ModuleType, issuer: Issuer) -> None:
    signature = issuer.key.sign(b"m", padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    assert not rs256.verify(rs256.public_key(issuer.jwk()), b"m", signature)


def test_signature_and_modulus_is_no_second_spelling_of_a_signature(
    rs256: ModuleType, issuer: Issuer
) -> None:
    """s and s + n give the same power: only the smaller is a signature (RFC 8017, 5.2.2)."""
    key = rs256.public_key(issuer.jwk())
    larger = int.from_bytes(issuer.sign(b"m"), "big") + key.modulus
    assert not rs256.verify(key, b"m", larger.to_bytes(key.size + 1, "big"))


def test_forged_block_that_ends_in_rubbish_is_refused(rs256: ModuleType) -> None:
    """Bleichenbacher 2006: with e = 3 a cube root makes a block that a verifier which stops early accepts."""
    key = rs256.PublicKey(modulus=(1 << 2047) + 1, exponent=3)
    import hashlib  # noqa: PLC0415  (only this forgery needs it)

    info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(b"m").digest()
    block = b"\x00\x01\xff\x00" + info
    target = int.from_bytes(block + b"\x00" * (256 - len(block)), "big")
    low, high = 0, 1 << 700
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < target else (low, middle)
    forged = low.to_bytes(256, "big")
    assert pow(low, 3, key.modulus).to_bytes(256, "big").startswith(block)
    assert not rs256.verify(key, b"m", forged)


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "EC"},
        {"n": "not base64!"},
        {"n": encode(b"\x80" + b"\x00" * 100 + b"\x01")},
        {"n": encode(b"\x80" + b"\x00" * 255)},
        {"e": encode(b"\x01")},
        {"e": encode(b"\x04")},
    ],
    ids=["no RSA key", "no base64url", "too short", "even modulus", "exponent 1", "even exponent"],
)
def test_key_that_guards_nothing_is_refused(
    change: dict[str, str], rs256: ModuleType, issuer: Issuer
) -> None:
    with pytest.raises(rs256.InvalidKeyError):
        rs256.public_key(issuer.jwk() | change)


@given(raw=st.binary(max_size=200))
def test_base64url_reads_back(rs256: ModuleType, raw: bytes) -> None:
    assert rs256.decode(encode(raw)) == raw


@pytest.mark.parametrize("text", ["YQ==", "a", "Y Q", "+/", "YR", "é"])
def test_second_spelling_of_base64url_is_refused(text: str, rs256: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"base64url|ascii"):
        rs256.decode(text)
