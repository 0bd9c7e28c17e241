"""What the drill stands on: the servers and fixtures of the services' tests."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [
    str(TESTS / "services" / "ai_router"),
    str(TESTS / "services"),
    str(TESTS.parent / "services"),
]
