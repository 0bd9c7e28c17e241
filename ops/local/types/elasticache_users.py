"""ElastiCache users: the API keeps who they are, and this the hashes of their passwords for the servers.

On AWS nobody reads a user's password back, and the engine knows its hash. Here the servers are started by
another process, so `DescribeUsers` carries each password's SHA-256 in an element that no SDK knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import get_account_id, get_region
from ministack.services import elasticache

_Answer = tuple[int, dict[str, str], bytes]
_Action = Callable[[Mapping[str, Any]], _Answer]

_HASHES: dict[tuple[str, str, str], tuple[str, ...]] = {}
_SHORTEST, _LONGEST, _MOST = 16, 128, 2


def install() -> None:
    """Makes CreateUser, ModifyUser and DescribeUsers of the server keep and show the hashes."""
    elasticache._create_user = _keeping(elasticache._create_user)
    elasticache._modify_user = _keeping(elasticache._modify_user)
    shipped = elasticache._user_xml

    def with_hashes(user: dict[str, Any]) -> str:
        hashes = "".join(f"<member>{value}</member>" for value in _HASHES.get(_key(user["UserId"]), ()))
        # The server writes the access string as it is, whose channels (&*) are no XML.
        shown = shipped({**user, "AccessString": escape(user["AccessString"])})
        return f"{shown}<LocalPasswordHashes>{hashes}</LocalPasswordHashes>"

    elasticache._user_xml = with_hashes


def _keeping(shipped: _Action) -> _Action:
    def act(given: Mapping[str, Any]) -> _Answer:
        passwords = _passwords(given)
        lengths = [len(password) for password in passwords]
        if len(passwords) > _MOST or any(not _SHORTEST <= length <= _LONGEST for length in lengths):
            message = f"A user has up to {_MOST} passwords of {_SHORTEST} to {_LONGEST} characters."
            refusal: _Answer = elasticache._error("InvalidParameterValue", message, 400)
            return refusal
        first = {"Passwords.member.1": passwords[0]} if passwords else {}
        answer = shipped({**given, **first})
        if answer[0] == 200 and passwords:
            hashes = tuple(hashlib.sha256(password.encode()).hexdigest() for password in passwords)
            _HASHES[_key(_word(given, "UserId"))] = hashes
        return answer

    return act


def _key(user: str) -> tuple[str, str, str]:
    return get_account_id(), get_region(), user


def _passwords(given: Mapping[str, Any]) -> list[str]:
    """Both ways to give them: as AuthenticationMode, and as Passwords."""
    found = []
    for prefix in ("AuthenticationMode.Passwords", "Passwords"):
        number = 1
        while password := _word(given, f"{prefix}.member.{number}"):
            found.append(password)
            number += 1
    return found


def _word(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name, "")
    return str(value[0]) if isinstance(value, list) and value else str(value or "")
