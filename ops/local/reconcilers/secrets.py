"""Secrets of a container, resolved by `valueFrom` exactly as ECS does."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

Clients = Callable[[str, str], Any]

_ARN_PARTS = 7


class SecretError(RuntimeError):
    """A secret that cannot be given to the container; the message names it and what is wrong."""


def resolve(clients: Clients, region: str, name: str, value_from: str) -> str:
    """The value for the variable `name`; raises SecretError.

    `value_from` is a Secrets Manager ARN, with `:json-key:version-stage:version-id` behind it where only one
    key or version is wanted, or an SSM parameter by ARN or, in the task's own region, by name.
    """
    if value_from.startswith("arn:aws:secretsmanager:"):
        return _from_secrets_manager(clients, name, value_from)
    if value_from.startswith("arn:aws:ssm:"):
        parts = value_from.split(":", 5)
        parameter = parts[5].removeprefix("parameter") if len(parts) > 5 else ""
        # A parameter outside any path has no leading slash; its ARN does.
        names = (parameter, parameter.removeprefix("/")) if parameter.count("/") == 1 else (parameter,)
        return _from_ssm(clients, parts[3], name, names)
    if value_from.startswith("arn:"):
        raise SecretError(f"secret {name}: {value_from} is neither of Secrets Manager nor of SSM")
    return _from_ssm(clients, region, name, (value_from,))


def _from_secrets_manager(clients: Clients, name: str, value_from: str) -> str:
    parts = value_from.split(":")
    arn, selector = ":".join(parts[:_ARN_PARTS]), parts[_ARN_PARTS:]
    key, stage, version = (*selector, "", "", "")[:3]
    wanted = {"SecretId": arn}
    if stage:
        wanted["VersionStage"] = stage
    if version:
        wanted["VersionId"] = version
    try:
        answer = clients("secretsmanager", parts[3]).get_secret_value(**wanted)
    except ClientError as error:
        raise SecretError(f"secret {name}: {arn} {_words(error)}") from error
    text = str(answer.get("SecretString") or "")
    if not key:
        return text
    try:
        value = json.loads(text)
    except ValueError as error:
        raise SecretError(f"secret {name}: {arn} is not JSON, so it has no key {key!r}") from error
    if not isinstance(value, dict) or key not in value:
        raise SecretError(f"secret {name}: {arn} has no key {key!r}")
    found = value[key]
    return found if isinstance(found, str) else json.dumps(found)


def _from_ssm(clients: Clients, region: str, name: str, parameters: tuple[str, ...]) -> str:
    failure: ClientError | None = None
    for parameter in parameters:
        try:
            answer = clients("ssm", region).get_parameter(Name=parameter, WithDecryption=True)
            return str(answer["Parameter"]["Value"])
        except ClientError as error:
            failure = error
    words = _words(failure) if failure is not None else "has no name"
    raise SecretError(f"secret {name}: parameter {parameters[0]} in {region} {words}") from failure


def _words(error: ClientError) -> str:
    code = str(error.response.get("Error", {}).get("Code", ""))
    return "not found" if "NotFound" in code else f"refused: {code}"
