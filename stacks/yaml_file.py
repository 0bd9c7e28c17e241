"""Reads a YAML file into a frozen pydantic model, and names file, key and mend when it cannot."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from stacks.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent


class Frozen(BaseModel):
    """Base of every configuration model: immutable, and no key it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MisfitError(ValueError):
    """Two keys that do not fit each other: the key to change, what is wrong, what to do."""

    def __init__(self, key: str, problem: str, mend: str) -> None:
        self.key = key
        super().__init__(f"{problem}; {mend}")


Model = TypeVar("Model", bound=Frozen)


#: Tag of ``<<``, which merges another mapping in and is no key of its own.
_MERGE = "tag:yaml.org,2002:merge"


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML lets a repeated key win silently; a configuration must not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    problem="a key is no plain value", problem_mark=key_node.start_mark
                )
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key!r} is given twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def relative(path: Path) -> str:
    """The path as its user would type it: relative to the repository where it lies inside it."""
    resolved = path.resolve()
    return str(resolved.relative_to(ROOT)) if resolved.is_relative_to(ROOT) else str(path)


def load(path: Path, model: type[Model]) -> Model:
    """Reads ``path`` into ``model``.

    Raises:
        ConfigurationError: the file is missing, is not YAML, or does not fit the model.
    """
    name = relative(path)
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506
    except FileNotFoundError:
        raise ConfigurationError(name, "", "the file does not exist", "create it or name another") from None
    except UnicodeDecodeError:
        raise ConfigurationError(name, "", "is not UTF-8", "save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(name, "", _yaml_problem(error), "correct the YAML there") from None
    if not isinstance(data, dict):
        raise ConfigurationError(name, "", "holds no mapping", "write `key: value` lines")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _first(name, model, error) from None


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    return f"invalid YAML{place}: {problem}"


def _first(name: str, model: type[BaseModel], error: ValidationError) -> ConfigurationError:
    """One error at a time, unknown keys first: a misspelt key also makes its right spelling missing."""
    details = sorted(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    detail = details[0]
    location = tuple(detail["loc"])
    key = ".".join(str(part) for part in location if part != "[key]")
    if detail["type"] == "extra_forbidden":
        known = sorted(_fields_at(model, location[:-1]))
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        mend = f"did you mean {close[0]!r}?" if close else f"known keys are {', '.join(known) or 'none'}"
        return ConfigurationError(name, key, "unknown key", mend)
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, MisfitError):
        key = f"{key}.{cause.key}" if key else cause.key
    if detail["type"] == "missing":
        return ConfigurationError(name, key, "missing", "add the key")
    message = detail["msg"].removeprefix("Value error, ")
    problem, _, mend = message.partition("; ")
    return ConfigurationError(name, key, problem, mend or f"correct the value {detail['input']!r}")


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> set[str]:
    """Names of the keys that the model at ``location`` knows."""
    current: Any = model
    for part in location:
        found = _model_in(current)
        field = found.model_fields.get(str(part)) if found else None
        # A part that is no field is a key of a mapping, or an index: its model is the one it stands in.
        current = field.annotation if field else current
    found = _model_in(current)
    return {field.alias or name for name, field in found.model_fields.items()} if found else set()


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The pydantic model inside an annotation such as ``dict[str, Region]`` or ``Region | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found:
            return found
    return None
