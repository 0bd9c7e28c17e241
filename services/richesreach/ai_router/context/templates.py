"""Prompt templates by name and version.

A version never changes once it was used: what an answer was asked with can be read again by its name, version
and digest. `{{ name }}` stands for a variable. A value is put in as it is and never read as a template
itself.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from richesreach.ai_router.wire.errors import RequestError
from richesreach.ai_router.wire.options import Template as Named

_VARIABLE = re.compile(r"\{\{\s*([a-z][a-z0-9_]{0,63})\s*\}\}")
# Characters of one variable's value.
LONGEST_VALUE = 2_000_000


@dataclass(frozen=True, slots=True)
class Template:
    """`messages` are pairs of a role and a text."""

    name: str
    version: int
    messages: tuple[tuple[str, str], ...]

    @property
    def variables(self) -> frozenset[str]:
        return frozenset(name for _, text in self.messages for name in _VARIABLE.findall(text))

    @property
    def digest(self) -> str:
        """Of the words, to tell whether two deployments mean the same by a version."""
        told = "\x00".join(f"{role}\x00{text}" for role, text in self.messages)
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def render(self, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The messages. Raises RequestError for a variable that is missing, unknown, or no plain value."""
        where = "richesreach.template.variables"
        for what, names in (
            ("lacks", self.variables - given.keys()),
            ("does not know", given.keys() - self.variables),
        ):
            if names:
                listed = ", ".join(sorted(names))
                raise RequestError(f"The template {self.name} {what} the variables: {listed}.", param=where)
        values = {name: _text(name, value) for name, value in given.items()}
        return [
            {"role": role, "content": _VARIABLE.sub(lambda found: values[found[1]], text)}
            for role, text in self.messages
        ]


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RequestError(
            f"The variable {name} must be text or a number.", param=f"richesreach.template.variables.{name}"
        )
    text = str(value)
    if len(text) > LONGEST_VALUE:
        raise RequestError(
            f"The variable {name} has {len(text)} characters; {LONGEST_VALUE} are allowed.",
            param=f"richesreach.template.variables.{name}",
        )
    return text


class Templates:
    """All templates of a process. Raises ValueError for two with the same name and version."""

    def __init__(self, some: Iterable[Template]) -> None:
        self._versions: dict[str, dict[int, Template]] = {}
        for one in some:
            versions = self._versions.setdefault(one.name, {})
            if one.version in versions:
                raise ValueError(f"the template {one.name} has two versions {one.version}")
            versions[one.version] = one

    def find(self, named: Named) -> Template:
        """The version that was named, or the newest. Raises RequestError."""
        versions = self._versions.get(named.name, {})
        version = max(versions, default=0) if named.version is None else named.version
        found = versions.get(version)
        if found is None:
            known = ", ".join(sorted(self._versions)) or "none"
            what = f"version {version} of the template" if versions else "template"
            raise RequestError(
                f"There is no {what} {named.name}; templates: {known}.", param="richesreach.template"
            )
        return found

    def listed(self) -> list[Template]:
        """Every version, by name and age."""
        return [
            versions[number] for _, versions in sorted(self._versions.items()) for number in sorted(versions)
        ]


SUMMARY = Template(
    "conversation-summary",
    1,
    (
        (
            "system",
            "You shorten conversations. Keep names, numbers, decisions and open questions; leave out "
            "greetings and repetition. Write at most {{ words }} words, in the language of the conversation.",
        ),
        ("user", "{{ conversation }}"),
    ),
)
OWN = Templates(
    (
        SUMMARY,
        Template(
            "market-brief",
            1,
            (
                (
                    "system",
                    "You brief a trader about {{ symbols }}. Use only the figures below, name the figure for "
                    "each claim, and say what is missing. No advice to buy or sell.\n\n{{ figures }}",
                ),
            ),
        ),
        Template(
            "news-digest",
            1,
            (
                (
                    "system",
                    "You digest news for {{ audience }}. One line an item: what happened, to whom, when, and "
                    "its source. Leave out opinion, and whatever the items do not say.",
                ),
            ),
        ),
    )
)
