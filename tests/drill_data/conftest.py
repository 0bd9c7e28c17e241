"""Servers and tasks of the drill; what they stand on is that of the services' tests."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(Path(__file__).parent), str(TESTS / "services"), str(TESTS.parent / "services")]
