"""The service and its migration as processes: start, serve, stop, and fail with one clear line."""

import json
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import loopback
import postgres_servers
import pytest
from cache_servers import CachePair
from gateway_task import Environment, ServiceProcess, task_environment
from loopback import accepts, until
from postgres_servers import PostgresCluster
from richesreach.core.database import Database
from richesreach.core.migration import MigrationError, migrate
from richesreach.core.settings import Settings
from richesreach.gateway.migrate import MIGRATIONS

MIGRATE = "richesreach.gateway.migrate"


@pytest.fixture
def started() -> Iterator[list[ServiceProcess]]:
    """Processes to kill when the test ends, however it ends."""
    processes: list[ServiceProcess] = []
    yield processes
    for process in processes:
        process.kill()


def listening(environment: Environment) -> tuple[Environment, str, int]:
    host, port = loopback.own_address()
    return {**environment, "BIND_ADDRESS": host, "PORT": str(port)}, host, port


def events(process: ServiceProcess) -> list[dict[str, object]]:
    return [json.loads(line) for line in process.output().splitlines()]


def test_the_gateway_serves_on_its_address(environment: Environment, started: list[ServiceProcess]) -> None:
    environment, host, port = listening(environment)
    started.append(ServiceProcess("richesreach.gateway", environment))
    until(lambda: accepts(host, port), "the gateway listens")
    with urllib.request.urlopen(f"http://{host}:{port}/health/detailed/") as response:
        body, headers = json.load(response), response.headers
    assert body["status"] == "healthy"
    assert "server" not in headers
    assert headers["x-richesreach-region"] == "eu-west-1"


def test_a_stopped_gateway_exits_0_and_logs_json_without_secrets(
    environment: Environment, started: list[ServiceProcess]
) -> None:
    environment, host, port = listening(environment)
    gateway = ServiceProcess("richesreach.gateway", environment)
    started.append(gateway)
    until(lambda: accepts(host, port), "the gateway listens")
    gateway.ask_to_stop()
    assert gateway.wait() == 0
    assert "service_stopped" in {line["event"] for line in events(gateway)}
    assert postgres_servers.PASSWORD not in gateway.output()


def test_a_stopping_service_takes_no_more_and_finishes_what_it_has(
    environment: Environment, started: list[ServiceProcess], tmp_path: Path
) -> None:
    environment, host, port = listening(environment)
    release = tmp_path / "release"
    service = ServiceProcess("slow_service", {**environment, "RELEASE_FILE": str(release)})
    started.append(service)
    until(lambda: accepts(host, port), "the service listens")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: urllib.request.urlopen(f"http://{host}:{port}/slow").read())
        until(lambda: "slow_request_began" in service.output(), "the request is in flight")
        service.ask_to_stop()
        until(lambda: not accepts(host, port), "the service takes no more connections")
        release.touch()
        assert json.loads(answer.result(30)) == {"finished": True}
    assert service.wait() == 0


def test_a_service_that_is_asked_to_stop_serves_on_for_a_moment(
    environment: Environment, started: list[ServiceProcess]
) -> None:
    environment, host, port = listening(environment)
    gateway = ServiceProcess("richesreach.gateway", environment)
    started.append(gateway)
    until(lambda: accepts(host, port), "the gateway listens")
    gateway.ask_to_stop()
    until(lambda: "draining" in gateway.output(), "the drain begins")
    with urllib.request.urlopen(f"http://{host}:{port}/api/status/config") as response:
        assert (response.status, response.headers["connection"]) == (200, "close")
    assert gateway.wait() == 0


@pytest.mark.parametrize("module", ["richesreach.gateway", MIGRATE])
def test_a_wrong_environment_is_one_line_that_names_every_variable(module: str) -> None:
    environment = task_environment(None, None)
    del environment["DATABASE_USER"]
    process = ServiceProcess(module, {**environment, "PORT": "eighty"})
    assert process.wait() == 1
    (line,) = events(process)
    assert line["level"] == "error"
    assert [problem.split()[0] for problem in line["problems"]] == ["PORT", "DATABASE_USER"]  # type: ignore[attr-defined]


def test_a_taken_port_is_one_clear_error(environment: Environment, started: list[ServiceProcess]) -> None:
    environment, host, port = listening(environment)
    started.append(ServiceProcess("richesreach.gateway", environment))
    until(lambda: accepts(host, port), "the gateway listens")
    second = ServiceProcess("richesreach.gateway", environment)
    assert second.wait() != 0
    (error,) = (line for line in events(second) if line["level"] == "error")
    assert "address already in use" in str(error["event"])


def test_migrating_twice_changes_nothing(empty_database: PostgresCluster, caches: CachePair) -> None:
    environment = task_environment(empty_database, caches)
    for _ in range(2):
        migration = ServiceProcess(MIGRATE, environment)
        assert migration.wait() == 0, migration.output()
        assert events(migration)[-1]["event"] == "migrated"
    newest = max((MIGRATIONS / "versions").glob("v*.py")).name[1:5]
    assert empty_database.sql("select version_num from gateway_migrations") == newest


def test_two_migrations_at_once_both_succeed(empty_database: PostgresCluster, caches: CachePair) -> None:
    migrations = [ServiceProcess(MIGRATE, task_environment(empty_database, caches)) for _ in range(2)]
    assert [migration.wait() for migration in migrations] == [0, 0]


def test_a_migration_waits_for_its_database(
    own_database: PostgresCluster, caches: CachePair, started: list[ServiceProcess]
) -> None:
    own_database.reader.stop()
    own_database.writer.stop()
    migration = ServiceProcess(MIGRATE, task_environment(own_database, caches))
    started.append(migration)
    until(lambda: "waiting_for_writer" in migration.output(), "the migration waits")
    own_database.writer.start()
    assert migration.wait() == 0


async def test_a_migration_without_a_database_says_so() -> None:
    writer = Database(Settings.from_environment(task_environment(None, None))).writer
    with pytest.raises(MigrationError, match="no writable database within 0 s"):
        await migrate(writer, MIGRATIONS, "gateway_migrations", wait=0)


async def test_a_failed_migration_leaves_the_tables_as_they_were(
    empty_database: PostgresCluster, tmp_path: Path
) -> None:
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions.parent / "env.py").write_text((MIGRATIONS / "env.py").read_text())
    (versions / "one.py").write_text(
        "from alembic import op\n"
        "revision, down_revision = '1', None\n"
        "def upgrade():\n"
        "    op.execute('create table half (id int)')\n"
        "    op.execute('create table nonsense')\n"
    )
    writer = Database(Settings.from_environment(task_environment(empty_database, None))).writer
    with pytest.raises(MigrationError, match="syntax error"):
        await migrate(writer, versions.parent, "gateway_migrations")
    assert empty_database.sql("select count(*) from pg_tables where schemaname = 'public'") == "0"
