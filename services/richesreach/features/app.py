"""Wiring of the features."""

import contextlib
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI

from richesreach.core.app import Platform, Service, build_app
from richesreach.core.contracts.features.v1 import features_pb2
from richesreach.core.settings import Settings
from richesreach.features import api, checking_api, historical, pushing
from richesreach.features.checking import Checks
from richesreach.features.metrics import FeatureMetrics
from richesreach.features.offline import OfflineStore
from richesreach.features.online import OnlineFeatures
from richesreach.features.pushed import PushedVectors
from richesreach.features.rpc import FeaturesContract
from richesreach.features.service import Features
from richesreach.features.settings import FeatureSettings
from richesreach.features.watching import Watch


def create_app(settings: Settings, own: FeatureSettings | None = None) -> Service:
    """Raises SettingsError for what the environment says of features, where `own` is not given."""
    told = own or FeatureSettings.from_environment(os.environ)
    app = build_app(
        settings,
        title="RichesReach features",
        openapi_path="/features/openapi.json",
        routers=[api.router, historical.router, pushing.router, checking_api.router],
        contracts=lambda _platform: [(features_pb2, FeaturesContract(lambda: app.state.features).methods)],
    )
    platform: Platform = app.state.platform
    app.state.offline = OfflineStore(platform.database)
    app.state.checks = Checks(platform.database)
    app.state.pushed = PushedVectors(app.state.offline, platform.cache.servers)
    online = OnlineFeatures(platform.cache.servers, app.state.pushed.find)
    app.state.features = Features(online)
    watch = Watch(
        online,
        app.state.offline,
        platform.cache.servers,
        # One database for all regions: that of the writer's region alone keeps what is online there.
        records=settings.region == settings.writer_region,
        days=told.offline_days,
    )
    app.state.watch = watch
    platform.metrics.watch(FeatureMetrics(platform.metrics.registry).watch(online, watch))
    _live_with(app, watch)
    return app


def _live_with(app: FastAPI, watch: Watch) -> None:
    """Opens after the platform's own clients, and ends before them."""
    within = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(inner: FastAPI) -> AsyncIterator[None]:
        async with within(inner):
            watch.open()
            yield
            await watch.close()

    app.router.lifespan_context = lifespan
