"""Writes the topics' JSON schemas anew: `python tests/services/event_schemas.py`. Versions are kept for good.

`stacks/streaming/schemas/<topic>/<number>.json`: the registry gets them in this order. A message written
under one of them must be readable by all later ones, and what the main branch has is never written again.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "services")]

from richesreach.core.events.schemas import schema_of  # noqa: E402
from richesreach.core.events.topics import TOPICS, Topic  # noqa: E402

FOLDER = ROOT / "stacks" / "streaming" / "schemas"
Schema = dict[str, Any]


def current(topic: Topic) -> Schema:
    return schema_of(topic.kinds, topic.name)


def versions(topic: str, folder: Path = FOLDER) -> list[Path]:
    """The committed versions of a topic, the oldest first."""
    return sorted((folder / topic).glob("*.json"), key=lambda file: int(file.stem))


def read(file: Path) -> Schema:
    found: Schema = json.loads(file.read_text())
    return found


def write(folder: Path = FOLDER, *, on_main: frozenset[str] = frozenset()) -> list[Path]:
    """What was written: a new version where the newest is on the main branch already."""
    written = []
    for topic in TOPICS.values():
        known = versions(topic.name, folder)
        if known and read(known[-1]) == current(topic):
            continue
        number = len(known) + 1
        if known and str(known[-1].relative_to(ROOT)) not in on_main:
            number = len(known)
        file = folder / topic.name / f"{number}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(current(topic), indent=1) + "\n")
        written.append(file)
    return written


def _on_main() -> frozenset[str]:
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "main", "--", str(FOLDER.relative_to(ROOT))],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return frozenset(listed.stdout.split())


def breaks(old: Schema, new: Schema) -> list[str]:
    """Why a reader of `new` could not read everything that was written under `old`; empty if it can."""
    return list(_breaks(old, new, old, new, old["title"]))


def _breaks(old: Schema, new: Schema, olds: Schema, news: Schema, where: str) -> Iterator[str]:
    old, new = _resolved(old, olds), _resolved(new, news)
    if "anyOf" in old or "anyOf" in new:
        wanted, offered = old.get("anyOf", [old]), new.get("anyOf", [new])
        for one in wanted:
            reasons = [list(_breaks(one, other, olds, news, where)) for other in offered]
            if all(reasons):
                yield min(reasons, key=len)[0]
        return
    if old.get("type") != new.get("type") and (old.get("type"), new.get("type")) != ("integer", "number"):
        yield f"{where} was {old.get('type')} and is {new.get('type')}"
        return
    yield from _narrowed(old, new, where)
    yield from _fields(old, new, olds, news, where)
    for inner in ("items", "additionalProperties", "propertyNames"):
        if isinstance(old.get(inner), dict) and isinstance(new.get(inner), dict):
            yield from _breaks(old[inner], new[inner], olds, news, f"{where}.{inner}")


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Schema = root["definitions"][reference.rsplit("/", 1)[1]]
    return found


def _narrowed(old: Schema, new: Schema, where: str) -> Iterator[str]:
    gone = [str(value) for value in old.get("enum", []) if value not in new.get("enum", [])]
    if gone:
        yield f"{where} may be {', '.join(gone)} no more"
    if "enum" in new and "enum" not in old:
        yield f"{where} could be anything and is now one of a few"
    if new.get("pattern", old.get("pattern")) != old.get("pattern"):
        yield f"{where} has another pattern"
    for key, sign in (("minimum", 1), ("minLength", 1), ("maximum", -1), ("maxLength", -1)):
        if key in new and (key not in old or (new[key] - old[key]) * sign > 0):
            yield f"{where} has a narrower {key}"


def _fields(old: Schema, new: Schema, olds: Schema, news: Schema, where: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in after:
        if name in before:
            yield from _breaks(before[name], after[name], olds, news, f"{where}.{name}")
    for name in before:
        if name not in after and new.get("additionalProperties") is False:
            yield f"{where}.{name} is gone, and may have been written"
    for name in new.get("required", []):
        if name not in old.get("required", []):
            yield f"{where}.{name} is required, and messages without it were written"


def rewritten() -> list[str]:
    """Versions that a commit has changed or removed after another one had added them."""
    listed = subprocess.run(
        ["git", "log", "--no-renames", "--diff-filter=MD", "--format=", "--name-only", "--", str(FOLDER)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return sorted({line for line in listed.stdout.split() if line.endswith(".json")})


def main() -> int:
    for file in write(on_main=_on_main()):
        sys.stdout.write(f"wrote {file.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
