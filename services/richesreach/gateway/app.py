"""Wiring of the gateway."""

from fastapi import Request, Response

from richesreach.core.app import Platform, Service, build_app
from richesreach.core.contracts.market.v1 import market_pb2
from richesreach.core.problems import problem_response
from richesreach.core.settings import Settings
from richesreach.gateway import api, description, flags_api
from richesreach.gateway.graphql import app as graphql
from richesreach.gateway.market import api as market_api
from richesreach.gateway.market import owned_api
from richesreach.gateway.market.alerts import Alerts
from richesreach.gateway.market.domain import Domain
from richesreach.gateway.market.errors import MarketError
from richesreach.gateway.market.live import STREAM
from richesreach.gateway.market.model import GENERATED
from richesreach.gateway.market.rpc import MarketContract
from richesreach.gateway.market.service import Market
from richesreach.gateway.market.store import MarketStore
from richesreach.gateway.market.watchlists import Watchlists
from richesreach.gateway.status import status
from richesreach.gateway.users import admin_api, auth_api, keys_api, wiring


def create_app(settings: Settings) -> Service:
    app = build_app(
        settings,
        title="RichesReach gateway",
        openapi_path="/api/openapi.json",
        routers=[
            status,
            api.topology,
            auth_api.auth,
            auth_api.me,
            keys_api.router,
            admin_api.admin,
            flags_api.flags,
            market_api.router,
            owned_api.watchlists,
            owned_api.alerts,
        ],
        contracts=lambda _platform: [(market_pb2, MarketContract(lambda: app.state.domain.market).methods)],
    )
    wiring.install(app)
    platform: Platform = app.state.platform
    domain = Domain(
        # Where the generator may run, nothing of the stream is a market's.
        Market(
            MarketStore(platform.database),
            platform.cache,
            live=GENERATED if settings.environment == "local" else STREAM,
        ),
        Watchlists(platform.database),
        Alerts(platform.database),
    )
    app.state.domain = domain
    app.exception_handler(MarketError)(_market_error)
    description.install(app)
    graphql.install(app, domain)
    return app


async def _market_error(request: Request, error: MarketError) -> Response:
    return problem_response(request.scope, error.status, str(error), kind=error.kind)
