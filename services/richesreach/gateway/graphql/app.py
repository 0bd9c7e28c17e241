"""Wiring of GraphQL: one of everything a process."""

from starlette.routing import Route, WebSocketRoute

from richesreach.core.app import Platform, Service
from richesreach.gateway.graphql import persisted
from richesreach.gateway.graphql.documents import Documents
from richesreach.gateway.graphql.endpoint import METHODS, PLACE, Endpoint
from richesreach.gateway.graphql.execution import Executor
from richesreach.gateway.graphql.feeds import Feeds
from richesreach.gateway.graphql.metrics import GraphQLMetrics
from richesreach.gateway.graphql.schema import SCHEMA
from richesreach.gateway.graphql.sockets import Sockets
from richesreach.gateway.market.domain import Domain


def install(app: Service, domain: Domain) -> None:
    """Serve `/graphql`."""
    platform: Platform = app.state.platform
    app.state.graphql = endpoint_of(platform, domain)
    app.state.graphql_sockets = Sockets(app.state.graphql, platform.authenticator, app.state.drain)
    app.direct.add({(method, PLACE.path): app.state.graphql for method in METHODS})
    # For all other methods: what it answers to those is of GraphQL's form, too.
    app.router.routes += [
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
