"""The rules that a dataset's records are held to: structure, nulls, ranges, duplicates, freshness."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import fastjsonschema

from ops.lake.objects import LakeObject

#: Problems of one rule that are told one by one; what comes after is counted.
TOLD = 3


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: in which dataset, at which key, by which rule, and why."""

    dataset: str
    key: str
    rule: str
    reason: str


@dataclass
class Examination:
    """Holds the records of one dataset to its schema document, object by object."""

    dataset: str
    schema: dict[str, Any]
    problems: list[Problem] = field(default_factory=list)
    records: int = 0
    _seen: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._validate: Callable[[Any], Any] = fastjsonschema.compile(self.schema)
        self._quality: dict[str, Any] = self.schema["x-quality"]

    def examine(self, key: str, text: str) -> None:
        """Examines one object of JSON Lines."""
        sound: list[tuple[int, dict[str, Any]]] = []
        broken: list[str] = []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            self.records += 1
            try:
                record = json.loads(line)
                self._validate(record)
            except ValueError as error:  # both JSON's and the schema's error are one
                broken.append(f"line {number}: {_clause(error)}")
            else:
                sound.append((number, record))
        if not sound and not broken:
            broken.append("holds no record")
        self._report(key, "schema", broken)
        self._report(key, "range", list(self._out_of_range(sound)))
        self._report(key, "null", list(self._too_many_nulls(sound)))
        self._report(key, "duplicate", list(self._repeated(key, sound)))

    def unreadable(self, key: str, reason: str) -> None:
        """Reports an object that could not be read at all."""
        self._report(key, "schema", [reason])

    def fresh(self, prefix: str, newest: LakeObject | None, now: datetime, hours: int) -> None:
        """Reports a dataset whose newest object is older than ``hours``, or that has none."""
        if newest is None:
            self._report(prefix, "freshness", ["there is no object; is its writer running?"])
        elif now - newest.arrived > timedelta(hours=hours):
            age = (now - newest.arrived).total_seconds() / 3600
            self._report(
                newest.key, "freshness", [f"the newest object is {age:.0f} h old; at most {hours} h"]
            )

    def _out_of_range(self, records: list[tuple[int, dict[str, Any]]]) -> Iterator[str]:
        for name, bounds in self._quality["ranges"].items():
            low, high = bounds.get("minimum"), bounds.get("maximum")
            for number, record in records:
                value = record[name]
                if value is None:
                    continue
                if low is not None and value < low:
                    yield f"line {number}: {name} is {value}, less than {low}"
                elif high is not None and value > high:
                    yield f"line {number}: {name} is {value}, more than {high}"

    def _too_many_nulls(self, records: list[tuple[int, dict[str, Any]]]) -> Iterator[str]:
        most = self._quality["max-null-share"]
        for name in self._quality["nullable"]:
            nulls = sum(record[name] is None for _, record in records)
            if records and nulls / len(records) > most:
                yield f"{name} is null in {nulls} of {len(records)} records; at most {most:.0%}"

    def _repeated(self, key: str, records: list[tuple[int, dict[str, Any]]]) -> Iterator[str]:
        columns = self._quality["unique"]
        for number, record in records:
            identity = tuple(record[name] for name in columns)
            place = f"{key} line {number}"
            first = self._seen.setdefault(identity, place)
            if first != place:
                named = ", ".join(f"{name} {value}" for name, value in zip(columns, identity, strict=True))
                yield f"line {number}: {named} stands in {first} already"

    def _report(self, key: str, rule: str, reasons: list[str]) -> None:
        told = reasons[:TOLD]
        if len(reasons) > TOLD:
            told.append(f"and {len(reasons) - TOLD} more by the rule {rule}")
        self.problems += [Problem(self.dataset, key, rule, reason) for reason in told]


def _clause(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is no JSON: {error.msg} at column {error.colno}"
    return str(error).removeprefix("data.").replace("data ", "the record ", 1)
