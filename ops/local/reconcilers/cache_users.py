"""Who may do what on a cache: the users of a replication group's user groups, as Redis' ACL takes them."""

import time
import xml.etree.ElementTree as Xml
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops.local.reconcilers.redis_protocol import Login, RedisError, command

#: The servers' own user: commands them, and replicates between them. No user group has it.
KEEPER = "local-keeper"


@dataclass(frozen=True)
class User:
    """A user by name; `rules` are the words of its access string and the hashes of its passwords."""

    name: str
    rules: tuple[str, ...]


#: Without a user group a cache is open to everybody, as it is on AWS.
OPEN = (User("default", ("on", "nopass", "~*", "&*", "+@all")),)


class Users:
    """The users of each replication group, asked for again every `lasting` seconds."""

    def __init__(self, lasting: float = 3.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._lasting = lasting
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, tuple[User, ...]]] = {}

    def of(self, api: Any, region: str, group: dict[str, Any]) -> tuple[User, ...]:
        """The users of a described group, `default` among them."""
        key = (region, str(group["ReplicationGroupId"]))
        asked, users = self._known.get(key, (float("-inf"), OPEN))
        if self._clock() - asked > self._lasting:
            users = _ask(api, [str(name) for name in group.get("UserGroupIds") or []])
            self._known[key] = (self._clock(), users)
        return users


def _ask(api: Any, groups: list[str]) -> tuple[User, ...]:
    if not groups:
        return OPEN
    # Whoever is not named in a group is refused, and so is everybody while a group cannot be read.
    found = {"default": User("default", ("off",))}
    api.meta.events.register("after-call.elasticache.DescribeUsers", _hashes, unique_id="password-hashes")
    for group in groups:
        try:
            described = api.describe_user_groups(UserGroupId=group)["UserGroups"][0]
            for identifier in described["UserIds"]:
                user = api.describe_users(UserId=identifier)["Users"][0]
                found[user["UserName"]] = _user(user)
        except (ClientError, IndexError):
            continue
    return tuple(found.values())


def _user(described: dict[str, Any]) -> User:
    hashes = tuple(f"#{value}" for value in described.get("PasswordHashes", ()))
    open_ = ("nopass",) if (described.get("Authentication") or {}).get("Type") == "no-password" else ()
    return User(str(described["UserName"]), (*str(described["AccessString"]).split(), *open_, *hashes))


def _hashes(http_response: Any, parsed: dict[str, Any], **_more: Any) -> None:
    """Read what the local AWS adds to its answer for this process, and no SDK parses."""
    if http_response.status_code != 200:
        return
    root = Xml.fromstring(http_response.content)  # noqa: S314 - from the local AWS
    by_id = {}
    for element in root.iter():
        identifier = next((child.text for child in element if child.tag.endswith("}UserId")), None)
        kept = next((child for child in element if child.tag.endswith("}LocalPasswordHashes")), None)
        if identifier and kept is not None:
            by_id[identifier] = [member.text for member in kept]
    for user in parsed.get("Users", []):
        user["PasswordHashes"] = by_id.get(user["UserId"], [])


def apply(address: str, port: int, login: Login, users: tuple[User, ...]) -> None:
    """Make the server's users these and its own, at once for new commands of every connection.

    Raises RedisError, which names the user whose access string the server refuses.
    """
    wanted = {user.name for user in users} | {KEEPER}
    present = command(address, port, "ACL", "USERS", login=login)
    for name in present if isinstance(present, list) else []:
        if name not in wanted:
            command(address, port, "ACL", "DELUSER", str(name), login=login)
    for user in users:
        try:
            command(address, port, "ACL", "SETUSER", user.name, "reset", *user.rules, login=login)
        except RedisError as error:
            raise RedisError(f"user {user.name}: {error}") from error


def configuration(users: tuple[User, ...], login: Login, digest: str) -> str:
    """Lines of a server's configuration: these users from its first moment, and how it replicates."""
    lines = [f"user {user.name} reset {' '.join(user.rules)}" for user in users]
    lines.append(f"user {KEEPER} reset on #{digest} ~* &* +@all")
    lines += [f"masteruser {login.user}", f"masterauth {login.password}"]
    return "\n".join(lines) + "\n"
