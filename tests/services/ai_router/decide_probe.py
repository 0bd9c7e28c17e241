"""Processor time of one decision, and of reading what is asked: `decide_probe.py ROUNDS` prints JSON, in µs.

Thirty chat models, all with attempts behind them, none filtered: the longest way through. Both are arithmetic
without a wait, so that the processor's time is the time that they take.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[2] / "services")]

from models_for_tests import CALLER, model, tell  # noqa: E402
from richesreach.ai_router.places import Place  # noqa: E402
from richesreach.ai_router.providers.credentials import Credential  # noqa: E402
from richesreach.ai_router.routing.asking import Asker  # noqa: E402
from richesreach.ai_router.routing.catalogue import Catalogue  # noqa: E402
from richesreach.ai_router.routing.estimates import Estimates  # noqa: E402
from richesreach.ai_router.routing.router import Router  # noqa: E402
from richesreach.ai_router.wire.chat import ChatRequest  # noqa: E402

CANDIDATES = 30
CALLS = 2_000
PROMPT = "How did the central bank's words move two-year yields, and what did banks do? " * 15


def thirty() -> Router:
    key = (Credential("a", "secret"),)
    places = {
        name: Place(name, name, "https://models.example.com", key, "us-east-1")  # type: ignore[arg-type]
        for name in ("openai", "anthropic", "google", "bedrock")
    }
    listed = [one for one in Catalogue.of(places, datetime.now(UTC)).models if one.kind == "chat"]
    own = [model(f"own-{number}", "openai") for number in range(CANDIDATES - len(listed))]
    catalogue = Catalogue([*listed, *own], places)
    router = Router(catalogue, Estimates(speed=catalogue.speed), keys=lambda _provider: ("a",))
    for one in catalogue.models:
        tell(router, one, 5, first_token=0.4)
    return router


def timed(call: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - began) / CALLS * 1e6


def main(rounds: int) -> dict[str, list[float]]:
    router, asker = thirty(), Asker()
    request = ChatRequest.of([{"role": "user", "content": PROMPT}])
    asked = asker.chat(request, CALLER)
    assert len(router.decide(asked).candidates) == CANDIDATES
    return {
        "ours": [timed(lambda: router.decide(asked)) for _ in range(rounds)],
        "asking": [timed(lambda: asker.chat(request, CALLER)) for _ in range(rounds)],
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))  # noqa: T201
