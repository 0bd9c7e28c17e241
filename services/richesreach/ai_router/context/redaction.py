"""Secrets in prompts, replaced by what they were: `[redacted:aws-access-key]`.

For callers that ask for it (`richesreach.redact`). It finds what has a form of its own: keys and tokens with
their makers' prefixes, private keys, signed tokens, and payment numbers whose check digits are right. A
password in plain words has no form and is not found.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from richesreach.ai_router.wire.chat import ChatRequest

# Begins where no token goes on, so that a long run of letters is looked at once.
_BEGIN = r"(?<![A-Za-z0-9_-])"
# Each with a word that must be there for the pattern to be tried at all: most texts have none of them.
_TOKENS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (kind, hint, re.compile(_BEGIN + pattern))
    for kind, hint, pattern in (
        ("aws-access-key", "AKIA", r"AKIA[A-Z0-9]{16}\b"),
        ("aws-access-key", "ASIA", r"ASIA[A-Z0-9]{16}\b"),
        ("anthropic-key", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{20,200}"),
        ("openai-key", "sk-", r"sk-(?!ant-)[A-Za-z0-9_-]{20,200}"),
        ("google-key", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
        ("github-token", "gh", r"gh[oprsu]_[A-Za-z0-9]{36,255}\b"),
        ("github-token", "github_pat_", r"github_pat_[A-Za-z0-9_]{22,255}\b"),
        ("slack-token", "xox", r"xox[abeoprs]-[A-Za-z0-9-]{10,250}"),
        ("stripe-key", "_live_", r"[rs]k_live_[A-Za-z0-9]{16,250}\b"),
        ("richesreach-key", "rr_", r"rr_[A-Za-z0-9_-]{16,200}"),
        (
            "signed-token",
            "eyJ",
            r"eyJ[A-Za-z0-9_-]{8,8000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{16,2000}",
        ),
    )
)
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----")
_KEY_ENDS = re.compile(r"-----END [A-Z ]{0,30}PRIVATE KEY-----")
_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.]*\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
# Members whose text is data, or names that a provider matches.
Check = Callable[[str], bool]
_LEFT_ALONE = frozenset({"url", "data", "file_data", "role", "type", "id", "tool_call_id"})


def redacted(text: str, found: Counter[str]) -> str:
    """The text without its secrets, which are counted by kind."""

    def instead(kind: str, real: Check = lambda _text: True) -> Callable[[re.Match[str]], str]:
        def replace(match: re.Match[str]) -> str:
            if not real(match[0]):
                return match[0]
            found[kind] += 1
            return f"[redacted:{kind}]"

        return replace

    text = _without_private_keys(text, found)
    for kind, hint, pattern in _TOKENS:
        if hint in text:
            text = pattern.sub(instead(kind), text)
    text = _CARD.sub(instead("card-number", _is_card), text)
    return _IBAN.sub(instead("iban", _is_iban), text)


def _without_private_keys(text: str, found: Counter[str]) -> str:
    """Found by hand: a pattern over both ends would look for an end anew at each beginning."""
    pieces, at = [], 0
    while (begins := _KEY_BEGINS.search(text, at)) and (ends := _KEY_ENDS.search(text, begins.end())):
        pieces += [text[at : begins.start()], "[redacted:private-key]"]
        found["private-key"] += 1
        at = ends.end()
    return "".join([*pieces, text[at:]]) if pieces else text


def redact(request: ChatRequest) -> tuple[ChatRequest, Counter[str]]:
    """The request with every text of its messages redacted; the very same where nothing was found."""
    found: Counter[str] = Counter()
    messages: list[Any] = []
    for raw in request.raw_messages():
        before = sum(found.values())
        cleaned = _cleaned(msgspec.json.decode(raw), found)
        messages.append(cleaned if sum(found.values()) > before else raw)
    return (request.with_messages(messages) if found else request), found


def _cleaned(value: Any, found: Counter[str]) -> Any:
    if isinstance(value, str):
        return redacted(value, found)
    if isinstance(value, list):
        return [_cleaned(item, found) for item in value]
    if isinstance(value, dict):
        return {name: item if name in _LEFT_ALONE else _cleaned(item, found) for name, item in value.items()}
    return value


def _is_card(text: str) -> bool:
    """By Luhn's check digit (ISO/IEC 7812), and a first digit that a card has."""
    digits = [int(letter) for letter in text if letter.isdigit()]
    return digits[0] in {2, 3, 4, 5, 6} and sum(_luhn(digits)) % 10 == 0


def _luhn(digits: Sequence[int]) -> Sequence[int]:
    doubled = (digit * 2 for digit in digits[-2::-2])
    return [*digits[-1::-2], *(digit - 9 if digit > 9 else digit for digit in doubled)]


def _is_iban(text: str) -> bool:
    """By its check digits (ISO 13616): rearranged, with letters as numbers, it is 1 modulo 97."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1
