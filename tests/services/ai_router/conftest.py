"""Fixtures of the router's tests: a mock of the providers, as a process of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import mock_provider  # noqa: E402
from mock_provider import MockProvider  # noqa: E402


@pytest.fixture(scope="session")
def _session_mock() -> Iterator[MockProvider]:
    with mock_provider.running() as mock:
        yield mock


@pytest.fixture
def mock(_session_mock: MockProvider) -> Iterator[MockProvider]:
    """Providers that answer well until they are told otherwise, and have seen nothing yet."""
    _session_mock.forget()
    yield _session_mock
    _session_mock.forget()
