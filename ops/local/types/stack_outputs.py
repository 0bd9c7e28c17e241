"""`Fn::GetStackOutput` of another region's stack, which the server seeks in the consumer's region only."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id, request_scope
from ministack.services.cloudformation import changesets, engine, handlers, stacks

_FUNCTION = "Fn::GetStackOutput"


def install() -> None:
    """Resolves the function's arguments where it stands, then the output in the region that they name."""
    shipped = engine._resolve_refs

    def resolve(value: Any, *scope: Any) -> Any:
        if not isinstance(value, dict) or _FUNCTION not in value:
            return shipped(value, *scope)
        named = {key: resolve(argument, *scope) for key, argument in value[_FUNCTION].items()}
        region = named.get("Region")
        if not region:
            return shipped({_FUNCTION: named}, *scope)
        with request_scope(get_account_id(), str(region)):
            return shipped({_FUNCTION: named}, *scope)

    for module in (engine, changesets, handlers, stacks):
        module._resolve_refs = resolve
