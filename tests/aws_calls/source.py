"""Which operations of AWS the code of ``ops/`` and ``lambda/`` calls, read from its syntax."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import botocore.session
from botocore import xform_name

ROOT = Path(__file__).resolve().parents[2]

#: The handlers of resource types run inside the local AWS and call nobody.
SERVER_SIDE = "ops/local/types/"


def files() -> Iterator[str]:
    """Every Python file of the two trees, relative to the root."""
    for tree in ("ops", "lambda"):
        for path in sorted((ROOT / tree).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(SERVER_SIDE):
                yield name


@lru_cache(maxsize=1)
def called() -> frozenset[tuple[str, str]]:
    """(file, method of a boto3 client), such as ``("ops/routing.py", "put_key")``."""
    trees = {name: ast.parse((ROOT / name).read_text(encoding="utf-8")) for name in files()}
    known = _methods(frozenset(text for tree in trees.values() for text in _texts(tree)))
    return frozenset((name, method) for name, tree in trees.items() for method in _calls(tree) & known)


def _methods(texts: frozenset[str]) -> frozenset[str]:
    """Methods of every service that is named somewhere; a client is made by naming its service."""
    session = botocore.session.get_session()
    return frozenset(
        xform_name(operation)
        for service in texts.intersection(session.get_available_services())
        for operation in session.get_service_model(service).operation_names
    )


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _calls(tree: ast.AST) -> set[str]:
    """Names of the methods called, and of the operations that a paginator repeats."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found.add(node.func.attr)
            if node.func.attr == "get_paginator" and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return found
