"""Wiring of GraphQL: one of everything a process."""

from fastapi import FastAPI
from starlette.routing import Route, WebSocketRoute

from richesreach.core.app import Platform
from richesreach.gateway.graphql import persisted
from richesreach.gateway.graphql.documents import Documents
from richesreach.gateway.graphql.endpoint import PLACE, Endpoint
from richesreach.gateway.graphql.execution import Executor
from richesreach.gateway.graphql.feeds import Feeds
from richesreach.gateway.graphql.metrics import GraphQLMetrics
from richesreach.gateway.graphql.schema import SCHEMA
from richesreach.gateway.graphql.sockets import Sockets
from richesreach.gateway.market.domain import Domain


def install(app: FastAPI, domain: Domain) -> None:
    """Serve `/graphql`."""
    platform: Platform = app.state.platform
    app.state.graphql = endpoint_of(platform, domain)
    app.state.graphql_sockets = Sockets(app.state.graphql, platform.authenticator, app.state.drain)
    # First: to compare a path with all other routes takes longer than to answer from memory.
    app.router.routes[:0] = [
        Route(PLACE.path, app.state.graphql),
        WebSocketRoute(PLACE.path, app.state.graphql_sockets),
    ]


def endpoint_of(platform: Platform, domain: Domain) -> Endpoint:
    settings = platform.settings
    documents = Documents(SCHEMA._schema, introspection=settings.graphql_introspection)
    known = persisted.listed()
    return Endpoint(
        documents,
        persisted.Persisted(documents, platform.cache, known, only_listed=settings.graphql_listed_only),
        Executor(domain, Feeds(platform.events), GraphQLMetrics(platform.metrics.registry), platform.metrics),
        platform.limiter,
        editor=settings.graphql_introspection,
    )
