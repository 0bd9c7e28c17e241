"""API actions that the server lacks: JSON and Query requests and answers by the botocore model."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs
from xml.etree.ElementTree import Element, SubElement, tostring

from ops.local.types.shapes import service_model

Answer = tuple[int, dict[str, str], bytes]
Action = Callable[[dict[str, Any]], Mapping[str, Any]]
Handler = Callable[..., Any]


class ActionError(Exception):
    """An error that the API answers: a code of the service's model and a message for the caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def answering(service: str, actions: Mapping[str, Action], otherwise: Handler | None = None) -> Handler:
    """A request handler that answers `actions` itself and passes every other one to `otherwise`."""
    model = service_model(service)
    json_protocol = model.metadata["protocol"] == "json"

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Any:
        name = _target(headers) if json_protocol else _query_action(body)
        if name not in actions:
            if otherwise is not None:
                return await otherwise(method, path, headers, body, query)
            return _json_error(
                "UnknownOperationException", f"{service} {name or '(no action)'} is not simulated here"
            )
        shape = model.operation_model(name)
        try:
            given = json.loads(body or b"{}") if json_protocol else from_query(shape.input_shape, _form(body))
            answer = actions[name](given)
        except ActionError as error:
            return (
                _json_error(error.code, str(error)) if json_protocol else _xml_error(error.code, str(error))
            )
        return _json(200, answer) if json_protocol else to_xml(name, shape.output_shape, answer)

    return handle


def from_query(shape: Any, form: Mapping[str, str], prefix: str = "") -> Any:
    """The value that a Query request's flat parameters hold for `shape`, or None when they hold nothing."""
    if shape is None:
        return {}
    if shape.type_name == "structure":
        found = {
            name: from_query(member, form, f"{prefix}.{name}" if prefix else name)
            for name, member in shape.members.items()
        }
        held = {name: value for name, value in found.items() if value is not None}
        return held or (None if prefix else {})
    if shape.type_name == "list":
        return _list_from_query(shape, form, prefix)
    text = form.get(prefix)
    if text is None:
        return None
    if shape.type_name == "boolean":
        return text.lower() == "true"
    return int(text) if shape.type_name in ("integer", "long") else text


def to_xml(action: str, shape: Any, answer: Mapping[str, Any]) -> Answer:
    """An answer of the Query protocol."""
    root = Element(f"{action}Response")
    holder = root
    if shape is not None and shape.serialization.get("resultWrapper"):
        holder = SubElement(root, shape.serialization["resultWrapper"])
    if shape is not None:
        _fill(holder, shape, answer)
    SubElement(SubElement(root, "ResponseMetadata"), "RequestId").text = str(uuid.uuid4())
    return 200, {"Content-Type": "text/xml"}, tostring(root)


def _list_from_query(shape: Any, form: Mapping[str, str], prefix: str) -> list[Any] | None:
    member_name = shape.member.serialization.get("name", "member")
    for name in (member_name, "member"):
        values: list[Any] = []
        while (value := from_query(shape.member, form, f"{prefix}.{name}.{len(values) + 1}")) is not None:
            values.append(value)
        if values:
            return values
    return None


def _fill(parent: Element, shape: Any, value: Mapping[str, Any]) -> None:
    for name, member in shape.members.items():
        item = value.get(name)
        if item is None:
            continue
        element = SubElement(parent, member.serialization.get("name", name))
        if member.type_name == "structure":
            _fill(element, member, item)
        elif member.type_name == "list":
            for each in item:
                child = SubElement(element, member.member.serialization.get("name", "member"))
                if member.member.type_name == "structure":
                    _fill(child, member.member, each)
                else:
                    child.text = str(each)
        else:
            element.text = str(item).lower() if isinstance(item, bool) else str(item)


def _form(body: bytes) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(body.decode(), keep_blank_values=True).items()}


def _target(headers: Mapping[str, str]) -> str:
    return headers.get("x-amz-target", "").rpartition(".")[2]


def _query_action(body: bytes) -> str:
    return _form(body).get("Action", "")


def _json(status: int, answer: Mapping[str, Any]) -> Answer:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()


def _json_error(code: str, message: str) -> Answer:
    return _json(400, {"__type": code, "message": message})


def _xml_error(code: str, message: str) -> Answer:
    root = Element("ErrorResponse")
    error = SubElement(root, "Error")
    for tag, text in (("Type", "Sender"), ("Code", code), ("Message", message)):
        SubElement(error, tag).text = text
    SubElement(root, "RequestId").text = str(uuid.uuid4())
    return 400, {"Content-Type": "text/xml"}, tostring(root)
