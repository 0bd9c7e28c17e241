"""From a text to an operation that may be run: read within bounds, validated, and remembered."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    Lexer,
    OperationDefinitionNode,
    OperationType,
    Source,
    TokenKind,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from richesreach.gateway.graphql import limits
from richesreach.gateway.graphql.errors import RequestError
from richesreach.gateway.graphql.shape import Shape, shape_of

_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
_OPEN = frozenset({TokenKind.BRACE_L, TokenKind.PAREN_L, TokenKind.BRACKET_L})
_CLOSE = frozenset({TokenKind.BRACE_R, TokenKind.PAREN_R, TokenKind.BRACKET_R})


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A valid document and the hash that names it (SHA-256 of its text, in hexadecimal digits)."""

    hash: str
    text: str
    syntax: DocumentNode
    operations: Mapping[str, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDefinitionNode]


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation of a document. `fields` are the names of its root fields."""

    document: Document
    name: str | None
    type: OperationType
    fields: tuple[str, ...]
    shape: Shape
    schema: GraphQLSchema

    def cost(self, variables: Mapping[str, Any]) -> int:
        """Values that an answer may hold. Raises RequestError beyond the limit."""
        cost = self.shape.cost(variables)
        if cost > limits.MAX_COST:
            message = f"This asks for up to {cost} values; {limits.MAX_COST} are the most. Ask for less."
            raise RequestError(400, "TOO_COSTLY", message)
        return cost


class Documents:
    """What was read and validated once is not again, while it is among the last `limits.DOCUMENTS`."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = schema
        self._introspection = introspection
        self._read: OrderedDict[str, Document] = OrderedDict()
        self._operations: OrderedDict[tuple[str, str | None], Operation] = OrderedDict()

    def known(self, digest: str) -> Document | None:
        found = self._read.get(digest)
        if found is not None:
            self._read.move_to_end(digest)
        return found

    def read(self, text: str) -> Document:
        """Raises RequestError."""
        digest = hash_of(text)
        found = self.known(digest)
        if found is None:
            found = self._checked(text, digest)
            self._read[digest] = found
            while len(self._read) > limits.DOCUMENTS:
                self._read.popitem(last=False)
        return found

    def operation(self, document: Document, name: str | None) -> Operation:
        """The operation of this name, or the only one. Raises RequestError."""
        key = document.hash, name
        found = self._operations.get(key)
        if found is None:
            found = self._made(document, name)
            self._operations[key] = found
            while len(self._operations) > limits.DOCUMENTS:
                self._operations.popitem(last=False)
        return found

    def _checked(self, text: str, digest: str) -> Document:
        size = len(text.encode(errors="surrogatepass"))
        if size > limits.MAX_BYTES:
            message = f"The document has {size} bytes; {limits.MAX_BYTES} are the most."
            raise RequestError(413, "DOCUMENT_TOO_LARGE", message)
        try:
            bound(text)
            syntax = parse(text)
        except GraphQLSyntaxError as error:
            raise RequestError(400, "GRAPHQL_PARSE_FAILED", error.message, errors=[error]) from error
        document = Document(digest, text, syntax, _operations(syntax), _fragments(syntax))
        # Before validation, whose own time grows with the square of what these bound.
        for node in document.operations.values():
            shape_of(self._schema, node, document.fragments).check(introspection=self._introspection)
        if errors := validate(self._schema, syntax, _RULES, max_errors=limits.MAX_ERRORS):
            told = _shown(errors)
            raise RequestError(400, "GRAPHQL_VALIDATION_FAILED", told[0].message, errors=told)
        return document

    def _made(self, document: Document, name: str | None) -> Operation:
        if name is None and len(document.operations) == 1:
            (node,) = document.operations.values()
        elif name is None:
            names = ", ".join(document.operations) or "none"
            message = f"Say with operationName which operation to run; the document has {names}."
            raise RequestError(400, "OPERATION_UNKNOWN", message)
        elif name in document.operations:
            node = document.operations[name]
        else:
            raise RequestError(400, "OPERATION_UNKNOWN", "The document has no operation of this name.")
        shape = shape_of(self._schema, node, document.fragments)
        return Operation(document, name, node.operation, shape.fields, shape, self._schema)


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def bound(text: str) -> None:
    """Look at the tokens before the parser does, which would go as deep as the document.

    Raises RequestError, GraphQLSyntaxError.
    """
    lexer, depth, count = Lexer(Source(text)), 0, 0
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        count += 1
        depth += (token.kind in _OPEN) - (token.kind in _CLOSE)
        if count > limits.MAX_TOKENS:
            message = f"The document has more than {limits.MAX_TOKENS} tokens."
            raise RequestError(400, "DOCUMENT_TOO_LARGE", message)
        if depth > limits.MAX_NESTING:
            message = f"The document has more than {limits.MAX_NESTING} brackets within each other."
            raise RequestError(400, "TOO_DEEP", message)


def _operations(syntax: DocumentNode) -> dict[str, OperationDefinitionNode]:
    nodes = [node for node in syntax.definitions if isinstance(node, OperationDefinitionNode)]
    return {node.name.value if node.name else "": node for node in nodes}


def _fragments(syntax: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    nodes = [node for node in syntax.definitions if isinstance(node, FragmentDefinitionNode)]
    return {node.name.value: node for node in nodes}


def _shown(errors: list[GraphQLError]) -> list[GraphQLError]:
    """Without what the library suggests instead: where introspection is off, that would be the schema."""
    return [
        GraphQLError(
            error.message.partition(" Did you mean ")[0], nodes=error.nodes, positions=error.positions
        )
        for error in errors
    ]
