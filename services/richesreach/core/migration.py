"""Bring a service's tables to their newest form: `python -m richesreach.<service>.migrate`."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from richesreach.core.database import Database, DatabaseUnavailableError, Pool, describe
from richesreach.core.logs import logger
from richesreach.core.settings import Settings
from richesreach.core.startup import read_settings

# Seconds.
WAIT_FOR_WRITER = 60.0
RETRY_INTERVAL = 1.0
LOCK_TIMEOUT = 60


class MigrationError(Exception):
    """The tables are as they were before; the text says why."""


def run(migrations: Path, then: Callable[[Settings], Awaitable[None]] | None = None) -> None:
    """Migrate with the scripts in `migrations`, then fill what `then` fills; exits 0, or 1 with one log line
    that says why not.
    """
    settings = read_settings()
    version_table = f"{settings.service_name.replace('-', '_')}_migrations"

    async def both() -> None:
        await migrate(Database(settings).writer, migrations, version_table)
        if then is not None:
            await then(settings)

    try:
        asyncio.run(both())
    except (MigrationError, DatabaseUnavailableError) as error:
        logger().error("migration_failed", error=str(error))
        sys.exit(1)


async def migrate(
    writer: Pool, migrations: Path, version_table: str, *, wait: float = WAIT_FOR_WRITER
) -> None:
    """Upgrade to head in one transaction, alone. Waits `wait` seconds for a writable database.

    `version_table` is the service's own: services share the database, not their histories.
    Raises MigrationError.
    """
    engine = create_async_engine("postgresql+asyncpg://", async_creator=writer.connect, poolclass=NullPool)
    await _wait_for_writer(writer, wait)
    try:
        async with engine.begin() as connection:
            await _lock(connection, version_table)
            await connection.run_sync(_upgrade, migrations, version_table)
    except (SQLAlchemyError, asyncpg.PostgresError, DatabaseUnavailableError, OSError) as error:
        raise MigrationError(describe(error)) from error
    logger().info("migrated", version_table=version_table)


async def _wait_for_writer(writer: Pool, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            await (await writer.connect()).close()
        except DatabaseUnavailableError as error:
            if time.monotonic() >= deadline:
                raise MigrationError(f"no writable database within {wait:g} s: {error}") from error
            logger().info("waiting_for_writer", error=str(error))
            await asyncio.sleep(RETRY_INTERVAL)
        else:
            return


async def _lock(connection: AsyncConnection, name: str) -> None:
    """Tasks of two deployments may start at once: one migrates, the other waits and finds nothing to do."""
    await connection.execute(text(f"set local lock_timeout = '{LOCK_TIMEOUT}s'"))
    await connection.execute(text("select pg_advisory_xact_lock(hashtext(:name))"), {"name": name})


def _upgrade(connection: Connection, migrations: Path, version_table: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = version_table
    command.upgrade(config, "head")
