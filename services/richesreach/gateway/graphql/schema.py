"""The schema, and how the library runs what has been checked before."""

from collections.abc import Iterator

import strawberry
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from richesreach.gateway.graphql.mutations import Mutation
from richesreach.gateway.graphql.queries import Query
from richesreach.gateway.graphql.subscriptions import Subscription


class Prepared(SchemaExtension):
    """Hands the library the document that `documents` has parsed and validated, or found in its memory."""

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = self.execution_context.context.operation.document.syntax
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = []
        yield


class Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing: `errors.formatted` logs what is worth it, once, with the request's id."""


SCHEMA = Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    extensions=[Prepared],
    config=StrawberryConfig(disable_field_suggestions=True),
)
