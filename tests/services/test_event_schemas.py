"""The topics' schemas: committed, kept for good, and each readable by whoever reads a later one."""

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import event_schemas
import jsonschema_rs
import msgspec
import pytest
from event_schemas import Schema, breaks, current, read, versions
from richesreach.core.events.topics import MARKET_BARS, MARKET_TICKS, TOPICS, Topic
from stream_client import tick

TICK = current(MARKET_TICKS)


def changed(**fields: Any) -> Schema:
    """The schema of ticks with other fields; None leaves one out."""
    schema = copy.deepcopy(TICK)
    properties = schema["definitions"]["Tick"]["properties"]
    for name, value in fields.items():
        properties.pop(name, None)
        if value is not None:
            properties[name] = value
    return schema


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_the_newest_committed_version_is_what_the_classes_say(topic: Topic) -> None:
    assert read(versions(topic.name)[-1]) == current(topic), (
        "run `make event-schemas`, and commit the version"
    )


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_every_version_can_read_what_was_written_under_an_older_one(topic: Topic) -> None:
    schemas = [read(file) for file in versions(topic.name)]
    for old, new in itertools.combinations(schemas, 2):
        assert breaks(old, new) == []


def test_the_committed_topics_are_those_of_the_services() -> None:
    assert {folder.name for folder in event_schemas.FOLDER.iterdir()} == set(TOPICS)


def test_no_version_was_ever_changed_or_removed() -> None:
    assert event_schemas.rewritten() == [], "add a version instead: what was written under this one is kept"


def test_versions_are_numbered_without_gaps() -> None:
    for topic in TOPICS:
        assert [int(file.stem) for file in versions(topic)] == list(range(1, len(versions(topic)) + 1))


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (changed(venue=None), "market.ticks.venue is gone"),
        (changed(price={"type": "number"}), "market.ticks.price was string and is number"),
        (changed(venue={"type": "string", "maxLength": 8, "minLength": 1}), "narrower maxLength"),
        (changed(source={"enum": ["finnhub"]}), "market.ticks.source was string"),
        (changed(symbol={"type": "string", "pattern": "^[A-Z]+$"}), "another pattern"),
        (changed(bid={"type": "string", "format": "decimal"}), "market.ticks.bid was null"),
    ],
)
def test_a_change_that_old_messages_do_not_fit_is_named(new: Schema, why: str) -> None:
    assert any(why in reason for reason in breaks(TICK, new))


def test_a_new_field_may_not_be_required() -> None:
    new = changed(condition={"type": "string"})
    assert breaks(TICK, new) == []
    new["definitions"]["Tick"]["required"].append("condition")
    assert breaks(TICK, new) == ["market.ticks.condition is required, and messages without it were written"]


def test_a_second_kind_of_message_may_come_to_a_topic() -> None:
    old = current(MARKET_BARS)
    new = copy.deepcopy(old)
    new["anyOf"] = [{"$ref": new.pop("$ref")}, {"$ref": "#/definitions/Bars"}]
    new["definitions"]["Bars"] = {"type": "object", "properties": {"type": {"enum": ["bars"]}}}
    assert breaks(old, new) == []
    assert breaks(new, old) != []


def test_a_version_that_is_not_on_main_is_written_again_and_one_that_is_gets_a_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_schemas, "ROOT", tmp_path)
    event_schemas.write(tmp_path)
    first = tmp_path / "market.ticks" / "1.json"
    first.write_text(json.dumps(changed(venue=None)))
    assert event_schemas.write(tmp_path) == [first]
    first.write_text(json.dumps(changed(venue=None)))
    second = tmp_path / "market.ticks" / "2.json"
    assert event_schemas.write(tmp_path, on_main=frozenset({"market.ticks/1.json"})) == [second]


def test_messages_fit_the_schema_of_their_topic() -> None:
    valid = jsonschema_rs.validator_for(TICK)
    valid.validate(json.loads(msgspec.json.encode(tick(1))))
    assert not valid.is_valid({**json.loads(msgspec.json.encode(tick(1))), "price": 187.25})


def test_a_reader_leaves_out_fields_of_a_later_version() -> None:
    later = {**json.loads(msgspec.json.encode(tick(1))), "condition": "odd lot"}
    assert msgspec.json.decode(json.dumps(later), type=type(tick(1))) == tick(1)
