"""How large an operation is: its depth, its aliases, its fields, and the values that its answer may hold.

Fragments are counted wherever they are spread, each once for all its places, so that fragments of fragments
take no time of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_object_type,
)
from graphql.pyutils import Undefined

from richesreach.gateway.graphql import limits
from richesreach.gateway.graphql.errors import RequestError

_LENGTHS = ("first", "limit")
# The lists of a connection are as long as its field says.
_ELEMENTS = frozenset({"edges", "nodes"})
_INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(slots=True)
class Counts:
    depth: int = 0
    aliases: int = 0
    fields: int = 0


@dataclass(slots=True)
class Shape:
    schema: GraphQLSchema
    node: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    counts: Counts
    fields: tuple[str, ...]
    _constant: int | None = field(default=None)

    def check(self, *, introspection: bool) -> None:
        """Raises RequestError."""
        if not introspection and _INTROSPECTION & {*self.fields}:
            message = "The schema is not told here; it is published with the documentation."
            raise RequestError(400, "INTROSPECTION_DISABLED", message)
        counts = self.counts
        for number, most, what, code in (
            (counts.depth, limits.MAX_DEPTH, "fields within each other", "TOO_DEEP"),
            (counts.aliases, limits.MAX_ALIASES, "aliases", "TOO_MANY_ALIASES"),
            (counts.fields, limits.MAX_FIELDS, "fields", "TOO_MANY_FIELDS"),
        ):
            if number > most:
                raise RequestError(400, code, f"The document has {number} {what}; {most} are the most.")

    def cost(self, variables: Mapping[str, Any]) -> int:
        """Values that the answer may hold: each field once for each element of the lists around it."""
        if self._constant is not None:
            return self._constant
        costs = _Costs(self, variables)
        root = self.schema.get_root_type(self.node.operation)
        cost = costs.of(self.node.selection_set, root, 1)
        if not costs.varies:
            self._constant = cost
        return cost


def shape_of(
    schema: GraphQLSchema, node: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Shape:
    counts = _counted(node.selection_set, fragments, {})
    return Shape(schema, node, fragments, counts, _roots(node.selection_set, fragments, set()))


def _counted(
    selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], known: dict[str, Counts]
) -> Counts:
    """`known` has the fragments that were counted, and an empty count for those that are being counted: a
    circle of fragments is refused by validation.
    """
    total = Counts()
    for selection in selections.selections:
        if isinstance(selection, FieldNode):
            inner = Counts()
            # The questions of introspection are deep by nature, and end.
            if selection.selection_set is not None and not selection.name.value.startswith("__"):
                inner = _counted(selection.selection_set, fragments, known)
            inner.depth, inner.fields = inner.depth + 1, inner.fields + 1
            inner.aliases += selection.alias is not None
        elif isinstance(selection, FragmentSpreadNode):
            inner = _of_fragment(selection.name.value, fragments, known)
        elif isinstance(selection, InlineFragmentNode):
            inner = _counted(selection.selection_set, fragments, known)
        else:
            continue
        total.depth = max(total.depth, inner.depth)
        total.aliases += inner.aliases
        total.fields += inner.fields
    return total


def _of_fragment(
    name: str, fragments: Mapping[str, FragmentDefinitionNode], known: dict[str, Counts]
) -> Counts:
    if name not in known:
        known[name] = Counts()
        if name in fragments:
            known[name] = _counted(fragments[name].selection_set, fragments, known)
    return known[name]


def _roots(
    selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], seen: set[str]
) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for selection in selections.selections:
        if isinstance(selection, FieldNode):
            names[selection.name.value] = None
        elif isinstance(selection, InlineFragmentNode):
            names.update(dict.fromkeys(_roots(selection.selection_set, fragments, seen)))
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
            seen.add(selection.name.value)
            if selection.name.value in fragments:
                inner = fragments[selection.name.value].selection_set
                names.update(dict.fromkeys(_roots(inner, fragments, seen)))
    return tuple(names)


class _Costs:
    """Of one valid operation with these variables."""

    def __init__(self, shape: Shape, variables: Mapping[str, Any]) -> None:
        self.varies = False
        self._schema = shape.schema
        self._fragments = shape.fragments
        self._variables = variables
        self._defaults = {
            definition.variable.name.value: definition.default_value
            for definition in shape.node.variable_definitions or ()
        }
        self._known: dict[tuple[str, int], int] = {}

    def of(self, selections: SelectionSetNode, parent: Any, length: int) -> int:
        """`length` is that of the connection around."""
        total = 0
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                total += self._field(selection, parent, length)
            elif isinstance(selection, InlineFragmentNode):
                total += self.of(selection.selection_set, parent, length)
            elif isinstance(selection, FragmentSpreadNode):
                key = selection.name.value, length
                if key not in self._known:
                    inner = self._fragments[selection.name.value].selection_set
                    self._known[key] = self.of(inner, parent, length)
                total += self._known[key]
        return total

    def _field(self, node: FieldNode, parent: Any, length: int) -> int:
        definition = parent.fields.get(node.name.value) if is_object_type(parent) else None
        if definition is None or node.selection_set is None:  # a scalar, or introspection
            return 1
        said = self._said(node, definition)
        kind = get_named_type(definition.type)
        inside = self.of(node.selection_set, kind, said or 1)
        if not is_list_type(get_nullable_type(definition.type)):
            return 1 + inside
        if node.name.value in _ELEMENTS:
            return length * (1 + inside)
        return (said or limits.ASSUMED_LENGTH) * (1 + inside)

    def _said(self, node: FieldNode, definition: GraphQLField) -> int | None:
        """The length that an argument asks for; None for a field without such an argument."""
        for name in _LENGTHS:
            if name not in definition.args:
                continue
            value = next((given.value for given in node.arguments or () if given.name.value == name), None)
            if isinstance(value, VariableNode):
                self.varies = True
                variable = value.name.value
                found = self._variables.get(variable, Undefined)
                if found is not Undefined:
                    return _length(found)
                value = self._defaults.get(variable)
            if isinstance(value, IntValueNode):
                return _length(int(value.value))
            return _length(definition.args[name].default_value)
        return None


def _length(value: object) -> int:
    """What the resolver will make of it; one that is too large or no number at all it will refuse."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return min(value, limits.MAX_COST + 1)
    return 1
