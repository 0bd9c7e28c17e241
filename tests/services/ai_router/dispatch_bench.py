"""A dispatcher between a scripted provider and a ledger in memory, for tests."""

import random
from typing import Any

from models_for_tests import asked, model
from richesreach.ai_router.dispatching.chain import Limits
from richesreach.ai_router.dispatching.dispatcher import Dispatcher
from richesreach.ai_router.model import Model
from richesreach.ai_router.providers.credentials import Credential, Credentials
from richesreach.ai_router.routing.asked import Asked
from richesreach.ai_router.routing.catalogue import Catalogue, Speed
from richesreach.ai_router.routing.estimates import Estimates
from richesreach.ai_router.routing.router import Router
from richesreach.ai_router.wire.chat import ChatRequest
from scripted_provider import MemoryLedger, ScriptedProvider

HELLO = ChatRequest.of([{"role": "user", "content": "hello"}])
FIRST, SECOND = model("first", quality=0.9), model("second", "anthropic", quality=0.5)
CHEAP = model("cheap", quality=0.1, price=(0.1, 0.1))


class Bench:
    """A dispatcher between a scripted provider and a ledger in memory."""

    def __init__(
        self,
        provider: ScriptedProvider,
        *models: Model,
        keys: tuple[str, ...] = ("a",),
        ledger: MemoryLedger | None = None,
        speed: Speed | None = None,
        **limits: Any,
    ) -> None:
        self.provider = provider
        self.ledger = ledger or MemoryLedger()
        some = models or (FIRST, SECOND)
        names = {one.provider for one in some}
        self.credentials = Credentials({name: [Credential(key, "s") for key in keys] for name in names})
        speeds = {f"{one.provider}/{one.name}": speed or Speed(0.2, 1_000) for one in some}
        catalogue = Catalogue(some, names, speeds)
        router = Router(catalogue, Estimates(speed=catalogue.speed), keys=lambda _provider: keys)
        self.dispatcher = Dispatcher(
            router,
            dict.fromkeys(names, provider),
            self.credentials,
            self.ledger,
            limits=Limits(**({"pause": 0.01} | limits)),
            rng=random.Random(1),  # noqa: S311 (picks keys)
        )
        self.count = 0

    async def ask(self, wanted: Asked | None = None, request: ChatRequest = HELLO) -> Any:
        self.count += 1
        return await self.dispatcher.answer(request, wanted or asked(), f"q{self.count}")

    async def stream(self, wanted: Asked | None = None) -> Any:
        self.count += 1
        return await self.dispatcher.stream(HELLO, wanted or asked(), f"q{self.count}")

    async def balanced(self) -> None:
        await self.dispatcher.close()
        self.ledger.assert_balanced(self.count)
