"""WAF rule statements: yes, no, or unknown where this machine lacks what the statement looks at."""

import base64
import html
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, unquote

from multidict import CIMultiDict

from ops.local.edge.firewall_config import Sets

Statement = Mapping[str, Any]


class Verdict(Enum):
    """Whether a statement holds."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass
class Inspected:
    """A request as WAF sees it, with the labels that rules have put on it so far."""

    method: str
    path: str
    query: str
    headers: CIMultiDict[str]
    source: str
    country: str
    sets: Sets
    labels: set[str] = field(default_factory=set)


class UndecidableError(ValueError):
    """A part of a statement that this machine does not have; the message names it."""


def match(statement: Statement, seen: Inspected) -> Verdict:
    """Whether `statement` holds for the request."""
    try:
        return _match(statement, seen)
    except UndecidableError:
        return Verdict.UNKNOWN


def undecidable(statement: Statement) -> str:
    """The part of a statement that cannot be decided here; empty when all of it can."""
    probe = Inspected("GET", "/", "", CIMultiDict(), "127.0.0.1", "US", Sets(lenient=True))
    try:
        for part in _leaves(statement):
            _match(part, probe)
    except UndecidableError as reason:
        return str(reason)
    return ""


def _leaves(statement: Statement) -> Iterable[Statement]:
    for name, inner in statement.items():
        if name in {"AndStatement", "OrStatement"}:
            for each in inner["Statements"]:
                yield from _leaves(each)
        elif name == "NotStatement":
            yield from _leaves(inner["Statement"])
        elif name == "RateBasedStatement":
            yield from _leaves(inner.get("ScopeDownStatement") or {})
        else:
            yield {name: inner}


def _match(statement: Statement, seen: Inspected) -> Verdict:
    name, inner = next(iter(statement.items()))
    if name in {"AndStatement", "OrStatement"}:
        verdicts = [match(each, seen) for each in inner["Statements"]]
        deciding = Verdict.NO if name == "AndStatement" else Verdict.YES
        if deciding in verdicts:
            return deciding
        return Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else _opposite(deciding)
    if name == "NotStatement":
        return _opposite(match(inner["Statement"], seen))
    if name not in _DECIDED:
        vendor = f" {inner.get('VendorName', '')}/{inner['Name']}" if "VendorName" in inner else ""
        raise UndecidableError(f"{name}{vendor}")
    return Verdict.YES if _DECIDED[name](inner, seen) else Verdict.NO


def _opposite(verdict: Verdict) -> Verdict:
    return {Verdict.YES: Verdict.NO, Verdict.NO: Verdict.YES}.get(verdict, verdict)


def _byte_match(inner: Statement, seen: Inspected) -> bool:
    given = inner["SearchString"]
    wanted = given if isinstance(given, bytes) else str(given).encode()
    tests: Mapping[str, Callable[[bytes], bool]] = {
        "EXACTLY": lambda text: text == wanted,
        "STARTS_WITH": lambda text: text.startswith(wanted),
        "ENDS_WITH": lambda text: text.endswith(wanted),
        "CONTAINS": lambda text: wanted in text,
        "CONTAINS_WORD": lambda text: (
            re.search(rb"(?<!\w)" + re.escape(wanted) + rb"(?!\w)", text) is not None
        ),
    }
    return any(tests[inner["PositionalConstraint"]](text) for text in _texts(inner, seen))


def _regex_match(inner: Statement, seen: Inspected) -> bool:
    pattern = re.compile(inner["RegexString"].encode())
    return any(pattern.search(text) for text in _texts(inner, seen))


def _regex_set(inner: Statement, seen: Inspected) -> bool:
    patterns = [re.compile(text.encode()) for text in seen.sets.patterns(inner["ARN"])]
    return any(pattern.search(text) for text in _texts(inner, seen) for pattern in patterns)


def _size(inner: Statement, seen: Inspected) -> bool:
    size = int(inner["Size"])
    tests: Mapping[str, Callable[[int], bool]] = {
        "EQ": lambda length: length == size,
        "NE": lambda length: length != size,
        "LE": lambda length: length <= size,
        "LT": lambda length: length < size,
        "GE": lambda length: length >= size,
        "GT": lambda length: length > size,
    }
    return any(tests[inner["ComparisonOperator"]](len(text)) for text in _texts(inner, seen))


def _ip_set(inner: Statement, seen: Inspected) -> bool:
    if "IPSetForwardedIPConfig" in inner:
        raise UndecidableError("IPSetReferenceStatement with a forwarded address")
    source = ipaddress.ip_address(seen.source)
    return any(source in network for network in seen.sets.networks(inner["ARN"]))


def _geo(inner: Statement, seen: Inspected) -> bool:
    if "ForwardedIPConfig" in inner:
        raise UndecidableError("GeoMatchStatement with a forwarded address")
    # WAF labels the request in passing, whether or not the statement holds.
    seen.labels.add(f"awswaf:clientip:geo:country:{seen.country}")
    return seen.country in inner["CountryCodes"]


def _label(inner: Statement, seen: Inspected) -> bool:
    key = inner["Key"]
    if inner["Scope"] == "NAMESPACE":
        return any(label.startswith(key) or f":{key}" in label for label in seen.labels)
    return any(label == key or label.endswith(f":{key}") for label in seen.labels)


_DECIDED: Mapping[str, Callable[[Statement, Inspected], bool]] = {
    "ByteMatchStatement": _byte_match,
    "RegexMatchStatement": _regex_match,
    "RegexPatternSetReferenceStatement": _regex_set,
    "SizeConstraintStatement": _size,
    "IPSetReferenceStatement": _ip_set,
    "GeoMatchStatement": _geo,
    "LabelMatchStatement": _label,
}


def _texts(inner: Statement, seen: Inspected) -> list[bytes]:
    """The values of the field to match, transformed."""
    kind, options = next(iter(inner["FieldToMatch"].items()))
    fields: Mapping[str, Callable[[], list[str]]] = {
        "UriPath": lambda: [seen.path],
        "QueryString": lambda: [seen.query],
        "Method": lambda: [seen.method],
        "SingleHeader": lambda: seen.headers.getall(options["Name"], []),
        "SingleQueryArgument": lambda: [
            v
            for k, v in parse_qsl(seen.query, keep_blank_values=True)
            if k.lower() == options["Name"].lower()
        ],
        "AllQueryArguments": lambda: [v for _, v in parse_qsl(seen.query, keep_blank_values=True)],
    }
    if kind not in fields:
        raise UndecidableError(f"the field {kind}")
    texts = fields[kind]()
    for step in sorted(inner.get("TextTransformations") or (), key=lambda step: int(step["Priority"])):
        texts = [_transformed(step["Type"], text) for text in texts]
    return [text.encode(errors="surrogateescape") for text in texts]


def _normal(path: str) -> str:
    """A path without `//`, `/./` and `/../`."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if path.endswith("/") and kept else "")


_TRANSFORMATIONS: Mapping[str, Callable[[str], str]] = {
    "NONE": lambda text: text,
    "LOWERCASE": str.lower,
    "URL_DECODE": unquote,
    "HTML_ENTITY_DECODE": html.unescape,
    "COMPRESS_WHITE_SPACE": lambda text: re.sub(r"\s+", " ", text),
    "BASE64_DECODE": lambda text: base64.b64decode(text + "==").decode(errors="replace"),
    "NORMALIZE_PATH": _normal,
}


def _transformed(kind: str, text: str) -> str:
    if kind not in _TRANSFORMATIONS:
        raise UndecidableError(f"the text transformation {kind}")
    return _TRANSFORMATIONS[kind](text)
