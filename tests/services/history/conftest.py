"""The modules beside these tests are on their path; a lake in moto's S3."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from moto import mock_aws

sys.path.insert(0, str(Path(__file__).parent))

import lakes
from gateway_task import task_environment
from postgres_servers import PostgresCluster
from richesreach.core.database import Database
from richesreach.core.settings import Settings
from richesreach.history.lake.store import LakeStore


@pytest.fixture(scope="module")
def s3() -> Iterator[None]:
    """S3 without a server."""
    with mock_aws():
        yield


@pytest.fixture
def store(s3: None) -> LakeStore:
    """An empty bucket of this test alone."""
    return lakes.new_store()


@pytest.fixture
async def kept(own_database: PostgresCluster) -> AsyncIterator[Database]:
    """A database with the gateway's tables and samples."""
    found = Database(Settings.from_environment(task_environment(own_database, None)))
    await found.open()
    yield found
    await found.close()
