"""The form of API keys, and what one proves."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from key_holder import record
from richesreach.core.auth import api_key
from richesreach.core.auth.key_record import KeyRecord
from richesreach.core.auth.refusals import RefusedCredentialError

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_key_is_read_as_it_was_made() -> None:
    key = api_key.mint()
    assert key.text.startswith("rr_")
    assert api_key.parse(key.text) == key


@given(st.data())
def test_a_key_with_one_wrong_letter_is_none(data: st.DataObject) -> None:
    text = api_key.mint().text
    place = data.draw(st.integers(3, len(text) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != text[place]))
    assert api_key.parse(text[:place] + other + text[place + 1 :]) is None


@given(st.text() | st.text().map("rr_".__add__))
def test_whatever_comes_as_a_key_is_none_and_nothing_else(text: str) -> None:
    assert api_key.parse(text) is None


def test_no_two_keys_are_alike_and_none_shows_its_secret() -> None:
    keys = [api_key.mint() for _ in range(50)]
    assert len({key.id for key in keys} | {key.secret for key in keys}) == 100
    assert not any(key.secret in repr(key) for key in keys)


def reason(found: KeyRecord, shown: api_key.ApiKey, now: datetime = NOW) -> str:
    with pytest.raises(RefusedCredentialError) as refused:
        found.bearer(shown, now)
    return refused.value.reason


def test_only_the_secret_proves_a_key() -> None:
    key = api_key.mint()
    assert record(key).bearer(key, NOW).key_id == key.id
    assert reason(record(key), api_key.mint(key.id)) == "unknown_api_key"


def test_only_who_has_the_secret_learns_that_it_was_revoked_or_has_expired() -> None:
    key, other = api_key.mint(), api_key.mint()
    gone, old = record(key, revoked_at=NOW), record(key, expires_at=NOW)
    assert (reason(gone, key), reason(old, key)) == ("revoked_api_key", "expired_api_key")
    assert (reason(gone, other), reason(old, other)) == ("unknown_api_key", "unknown_api_key")


def test_a_key_serves_until_the_moment_that_it_expires() -> None:
    key = api_key.mint()
    found = record(key, expires_at=NOW)
    assert found.bearer(key, NOW - timedelta(seconds=1)).subject == "user-1"


def test_two_secrets_count_while_a_rotation_overlaps() -> None:
    before = api_key.mint()
    after = api_key.mint(before.id)
    found = record(after, previous_hash=before.digest.hex(), previous_until=NOW)
    assert found.bearer(after, NOW).key_id == before.id
    assert found.bearer(before, NOW - timedelta(seconds=1)).key_id == before.id
    assert reason(found, before) == "unknown_api_key"


def test_a_key_with_fewer_scopes_than_a_role_does_not_have_the_role() -> None:
    key = api_key.mint()
    caller = record(key, roles=["admin"], scopes=["market:read", "users:read"]).bearer(key, NOW)
    assert caller.scopes == {"market:read", "users:read"}
    assert caller.roles == frozenset()


def test_scopes_beyond_the_roles_of_a_key_give_nothing() -> None:
    key = api_key.mint()
    assert record(key, scopes=["users:write"]).bearer(key, NOW).scopes == frozenset()
