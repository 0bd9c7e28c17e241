"""What a request asks for, whatever shape it has, and what the mock says to it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

#: In every answer, as a header and in what it says.
HEADER = "x-mock-provider"
WORDS = "This is a mock answer of {model}: no model was asked. You said: {said}"
#: Characters of what was said that are said again.
ECHO = 200
FLOATS = 8


@dataclass
class Asked:
    """One question. `schema` is of the JSON that is wanted; `tool` is one that is to be called."""

    model: str
    said: str = ""
    characters: int = 0
    limit: int | None = None
    stream: bool = False
    schema: dict[str, Any] | None = None
    wants_json: bool = False
    tool: tuple[str, dict[str, Any]] | None = None
    inputs: list[str] = field(default_factory=list)
    usage_wanted: bool = True

    @property
    def tokens(self) -> int:
        """As a rule of thumb: the mock knows no tokenizer."""
        return max(1, self.characters // 4)

    def words(self) -> list[str]:
        """The answer in pieces, as a stream would bring it."""
        text = WORDS.format(model=self.model, said=self.said[:ECHO] or "nothing")
        if self.schema is not None or self.wants_json:
            text = json.dumps(instance(self.schema or {"type": "object"}))
            return [text[start : start + 24] for start in range(0, len(text), 24)]
        words = text.split(" ")
        pieces = [word if number == 0 else " " + word for number, word in enumerate(words)]
        return pieces[: self.limit] if self.limit else pieces

    @property
    def cut(self) -> bool:
        """Whether the limit ended the answer."""
        return self.limit is not None and self.schema is None and len(self.words()) >= self.limit


def instance(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """The plainest value that the schema admits."""
    root = root if root is not None else schema
    if "$ref" in schema:
        place: Any = root
        for step in str(schema["$ref"]).removeprefix("#/").split("/"):
            place = place[step]
        return instance(place, root)
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return instance(schema[word][0], root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "object")
    return _of_kind(kind[0] if isinstance(kind, list) else kind, schema, root)


def _of_kind(kind: str, schema: dict[str, Any], root: dict[str, Any]) -> Any:
    if kind == "object":
        below = schema.get("properties", {})
        return {name: instance(below.get(name, {"type": "string"}), root) for name in below}
    if kind == "array":
        return [instance(schema.get("items", {"type": "string"}), root)] * max(1, schema.get("minItems", 1))
    if kind in {"integer", "number"}:
        return schema.get(
            "minimum", schema.get("exclusiveMinimum", 0) + 1 if "exclusiveMinimum" in schema else 0
        )
    if kind == "boolean":
        return False
    return None if kind == "null" else "mock"


def vector(text: str) -> list[float]:
    """The same text gives the same direction."""
    total = sum(text.encode()) or 1
    return [((total * (number + 3)) % 97) / 97 for number in range(FLOATS)]
