"""MGET as bytes is what a client of the cache would send, and keeps no more keys than it may."""

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.vectors import ONLINE, Layout
from richesreach.features import asked_keys
from richesreach.features.asked_keys import AskedKeys

OTHER = Layout(1, ["beta"])
entities = st.lists(st.text(st.characters(codec="utf-8"), max_size=80), min_size=1, max_size=20)


@given(entities, st.sampled_from([[ONLINE], [ONLINE, OTHER]]))
def test_the_command_is_that_of_a_client(asked: list[str], layouts: list[Layout]) -> None:
    keys = AskedKeys()
    words = ("MGET", *(layout.key(entity) for layout in layouts for entity in asked))
    for _ in "first", "kept":
        assert keys.command(layouts, asked) == hiredis.pack_command(words)


def test_no_more_keys_are_kept_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked_keys, "MOST_KEPT", 3)
    keys = AskedKeys()
    for number in range(10):
        keys.command([ONLINE], [f"S{number}", "long" * 50])
        assert keys.kept <= 3
    assert keys.kept > 0
