"""Wiring of the gateway."""

from fastapi import FastAPI

from richesreach.core.app import Platform, build_app
from richesreach.core.settings import Settings
from richesreach.gateway import api
from richesreach.gateway.graphql import app as graphql
from richesreach.gateway.market.alerts import Alerts
from richesreach.gateway.market.domain import Domain
from richesreach.gateway.market.service import Market
from richesreach.gateway.market.store import MarketStore
from richesreach.gateway.market.watchlists import Watchlists
from richesreach.gateway.status import status
from richesreach.gateway.users import keys_api


def create_app(settings: Settings) -> FastAPI:
    app = build_app(
        settings,
        title="RichesReach gateway",
        openapi_path="/api/openapi.json",
        routers=[status, api.topology, keys_api.router],
    )
    platform: Platform = app.state.platform
    domain = Domain(
        Market(MarketStore(platform.database), platform.cache),
        Watchlists(platform.database),
        Alerts(platform.database),
    )
    app.state.domain = domain
    graphql.install(app, domain)
    return app
