"""Where each provider is and with which keys it is asked, read from the secret; nothing of it is logged."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from richesreach.ai_router.providers.credentials import Credential
from richesreach.core.environment_reader import REGION, Reader

Kind = Literal["openai", "anthropic", "google", "bedrock", "compatible"]
SECRET = "SECRET_AI_PROVIDERS"  # noqa: S105 (a variable's name)
_SINGLE = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "google": "GOOGLE_API_KEY"}
_BASE = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "google": "https://generativelanguage.googleapis.com",
}
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# What may stand in a header: a line break in a key would begin another one.
_KEY = re.compile(r"[\x21-\x7e]{1,4096}")


class KeyEntry(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    key: str
    weight: int = 1


class ModelEntry(msgspec.Struct, forbid_unknown_fields=True):
    """A model of a compatible provider; prices are USD a million tokens."""

    name: str
    upstream: str | None = None
    context_tokens: int = 32_768
    output_tokens: int = 4_096
    input_price: float = 0.0
    output_price: float = 0.0
    kind: str = "chat"
    modalities: list[str] = msgspec.field(default_factory=lambda: ["text"])
    features: list[str] = msgspec.field(default_factory=lambda: ["tools", "json"])
    regions: list[str] = msgspec.field(default_factory=lambda: ["global"])
    quality: dict[str, float] = msgspec.field(default_factory=dict)


class Entry(msgspec.Struct, forbid_unknown_fields=True):
    keys: list[KeyEntry] = msgspec.field(default_factory=list)
    base_url: str | None = None
    region: str | None = None
    models: list[str | ModelEntry] = msgspec.field(default_factory=list)


class Providers(msgspec.Struct, forbid_unknown_fields=True):
    openai: Entry | None = None
    anthropic: Entry | None = None
    google: Entry | None = None
    bedrock: Entry | None = None
    compatible: dict[str, Entry] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """One provider. Bedrock without keys is asked with the task's role, a compatible one without any."""

    name: str
    kind: Kind
    base_url: str
    credentials: tuple[Credential, ...]
    region: str | None = None
    models: tuple[ModelEntry, ...] = ()


def read_places(read: Reader, *, private: bool) -> Mapping[str, Place]:
    """Every provider that has what it needs, by name; what is wrong goes to `read.problems`."""
    try:
        given = msgspec.json.decode(read.text(SECRET, default="{}"), type=Providers)
    except msgspec.DecodeError as error:
        read.problems.append(f"{SECRET} is not what it should be: {error}")
        return {}
    for kind, variable in _SINGLE.items():
        key = read.text(variable, default="")
        entry: Entry | None = getattr(given, kind)
        if key and not (entry and entry.keys):
            base = entry.base_url if entry else None
            setattr(given, kind, Entry([KeyEntry("default", key)], base))
    entries: list[tuple[str, Kind, Entry | None]] = [
        ("openai", "openai", given.openai),
        ("anthropic", "anthropic", given.anthropic),
        ("google", "google", given.google),
        ("bedrock", "bedrock", given.bedrock),
        *((name, "compatible", entry) for name, entry in given.compatible.items()),
    ]
    if given.bedrock is not None and given.bedrock.region is None:
        given.bedrock.region = read.text("AWS_REGION", default="") or None
    found = {}
    for name, kind, entry in entries:
        place = None if entry is None else _place(read, name, kind, entry, private=private)
        if place is not None:
            if name in found:
                read.problems.append(f"{SECRET}: a compatible provider must not be called {name}")
            found[name] = place
    return found


def _place(read: Reader, name: str, kind: Kind, entry: Entry, *, private: bool) -> Place | None:
    where = f"{SECRET}: compatible.{name}" if kind == "compatible" else f"{SECRET}: {name}"
    problems = [*_wrong_keys(entry.keys)]
    if not _NAME.fullmatch(name):
        problems.append("a name must be lower-case letters, digits and hyphens")
    base = entry.base_url or _BASE.get(kind)
    if kind == "bedrock":
        if not entry.region or not REGION.fullmatch(entry.region):
            problems.append("region must be an AWS region such as us-east-1")
        base = base or f"https://bedrock-runtime.{entry.region}.amazonaws.com"
    if base is None:
        problems.append("base_url is missing")
    elif wrong := wrong_base(base, private=private):
        problems.append(f"base_url {wrong}")
    read.problems += [f"{where}: {problem}" for problem in problems]
    credentials = tuple(Credential(key.id, key.key, key.weight) for key in entry.keys)
    if not credentials and kind == "bedrock":
        credentials = (Credential("role", ""),)
    if not credentials and kind == "compatible":
        credentials = (Credential("none", ""),)
    if problems or not credentials or base is None:
        return None
    models = tuple(ModelEntry(model) if isinstance(model, str) else model for model in entry.models)
    return Place(name, kind, base.rstrip("/"), credentials, entry.region, models)


def _wrong_keys(keys: Sequence[KeyEntry]) -> list[str]:
    """Says where a key is wrong, and never what it is."""
    found = []
    for number, key in enumerate(keys):
        if not _ID.fullmatch(key.id):
            found.append(f"keys[{number}].id must be 1 to 64 letters, digits, dots, hyphens and underscores")
        if not _KEY.fullmatch(key.key):
            found.append(f"keys[{number}].key must be printable ASCII without spaces or line breaks")
        if not 1 <= key.weight <= 1000:
            found.append(f"keys[{number}].weight must be from 1 to 1000")
    if len({key.id for key in keys}) < len(keys):
        found.append("each of keys needs an id of its own")
    return found


def wrong_base(url: str, *, private: bool) -> str | None:
    """What is wrong with a base URL: it gets prompts and keys, so that it must not lead anywhere else.

    Host names are looked at again when they are resolved (`providers.connections`).
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return "is no URL"
    if not host or parts.username is not None or parts.query or parts.fragment or not url.isprintable():
        return "must be https://host/path without credentials, query or fragment"
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        return "must begin with https://"
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return None if allowed_address(str(address), private=private) else "must not lead to this address"


def allowed_address(text: str, *, private: bool) -> bool:
    """Whether a provider may be there: never where a cloud gives out credentials, and in a private network
    only where that is meant.
    """
    address = ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_link_local or address.is_multicast or address.is_unspecified or text == "fd00:ec2::254":
        return False
    return private or address.is_global
