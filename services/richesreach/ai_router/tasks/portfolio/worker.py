"""`python -m richesreach.ai_router.tasks.portfolio.worker`: optimises what comes in, until nobody asks."""

import os
import signal
import sys

# Before numpy: one request uses one processor, and a second thread would only wait for it.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

import msgspec  # noqa: E402

from richesreach.ai_router.tasks.portfolio.optimise import optimise  # noqa: E402
from richesreach.ai_router.tasks.portfolio.problem import RefusedError  # noqa: E402
from richesreach.ai_router.tasks.portfolio.schemas import (  # noqa: E402
    PortfolioAnswer,
    PortfolioRequest,
    Refusal,
)
from richesreach.ai_router.tasks.processes import read_request, write_answer  # noqa: E402

#: Seconds that the solver may take, of those that the caller waits.
SECONDS = 15.0

_requests = msgspec.json.Decoder(PortfolioRequest)


def answer_to(body: bytes) -> PortfolioAnswer | Refusal:
    """The portfolio that a body asks for, or why there is none."""
    try:
        request = _requests.decode(body)
    except msgspec.ValidationError as error:
        return Refusal("invalid-request", f"{error}.")
    except msgspec.DecodeError as error:
        return Refusal("malformed-json", f"The body is not valid JSON: {error}.")
    try:
        return optimise(request, SECONDS)
    except RefusedError as error:
        return error.refusal


def main() -> None:
    # The service ends it; a terminal's Ctrl-C reaches both at once and would leave a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while (body := read_request(sys.stdin.buffer)) is not None:
        answer = answer_to(body)
        found = {"answer" if isinstance(answer, PortfolioAnswer) else "refusal": answer}
        write_answer(sys.stdout.buffer, msgspec.json.encode(found))


if __name__ == "__main__":
    main()
