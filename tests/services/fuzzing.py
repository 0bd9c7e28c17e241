"""Fuzzing a really running gateway, over real stores, by its own descriptions: OpenAPI and GraphQL's schema.

`python tests/services/fuzzing.py [EXAMPLES]` is the long form of what the tests do (`make fuzz`).
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SERVICES = HERE.parents[1] / "services"
sys.path[:0] = [str(HERE), str(SERVICES), str(SERVICES / "graphql")]

import cache_servers  # noqa: E402
import httpx  # noqa: E402
import postgres_servers  # noqa: E402
import published  # noqa: E402
import token_issuer  # noqa: E402
from asking import UNLIMITED, somebody  # noqa: E402
from gateway_task import Environment, ServiceProcess, task_environment  # noqa: E402
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis_graphql import nodes, strategies  # noqa: E402
from loopback import accepts, own_address, until  # noqa: E402

# What an answer must be, whatever was asked. That all good input is taken, and all bad refused, only the
# tests of each route can know: a symbol may have the right form and not exist.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "ignored_auth",
)
SEED = 20261122


@dataclass(frozen=True)
class Running:
    """A gateway that listens, and the token of an admin, who may do everything."""

    url: str
    token: str
    process: ServiceProcess


@contextmanager
def running(environment: Environment) -> Iterator[Running]:
    host, port = own_address()
    with token_issuer.issuer() as issuer:
        told = {**UNLIMITED, **environment, **issuer.variables, "BIND_ADDRESS": host, "PORT": str(port)}
        process = ServiceProcess("richesreach.gateway", {**told, "LOG_LEVEL": "WARNING"})
        try:
            until(lambda: accepts(host, port), "the gateway listens", patience=120)
            expires = 4_000_000_000
            yield Running(
                f"http://{host}:{port}", issuer.token("admin", sub=somebody(), exp=expires), process
            )
        finally:
            process.kill()


def rest(found: Running, examples: int, *options: str) -> tuple[int, str]:
    """The exit status of schemathesis, 0 without a finding, and what it says."""
    with tempfile.TemporaryDirectory() as scratch:  # it keeps its examples where it runs
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                *("run", f"{found.url}/api/openapi.json"),
                *("--header", f"Authorization: Bearer {found.token}", "--checks", ",".join(CHECKS)),
                *("--max-examples", str(examples), "--generation-database", "none"),
                # They ask the user pool, which does not run here.
                *("--exclude-tag", "users", "--exclude-tag", "admin"),
                *("--suppress-health-check", "all", "--warnings", "off", "--no-color", *options),
            ],
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
        )
    return done.returncode, done.stdout + done.stderr


def graphql(found: Running, examples: int) -> None:
    """Ask what the schema allows, what looks like GraphQL, and any JSON. Raises AssertionError."""
    schema = published.PUBLISHED.read_text(encoding="utf-8")
    decimals = st.decimals(allow_nan=False, allow_infinity=False).map(lambda value: nodes.String(f"{value}"))
    documents = strategies.from_schema(schema, custom_scalars={"Decimal": decimals})
    names = st.sampled_from(
        [*"{}()[]:!$@|=,#", "...", "symbol", "query", "on", "fragment", "A", '"x"', "1", " "]
    )
    texts = st.lists(names, max_size=60).map(" ".join) | st.text(max_size=80)
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
        max_leaves=12,
    )
    known = ("query", "variables", "operationName", "extensions")
    bodies = st.fixed_dictionaries({}, optional=dict.fromkeys(known, values)) | values
    headers = {"authorization": f"Bearer {found.token}"}
    with httpx.Client(base_url=found.url, headers=headers, timeout=60) as client:
        for strategy in (documents.map(_query), texts.map(_query), bodies):
            _ask(client, strategy, examples)


def _query(text: str) -> dict[str, str]:
    return {"query": text}


def _ask(client: httpx.Client, bodies: st.SearchStrategy[Any], examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples < 500,
        suppress_health_check=[*HealthCheck],
    )
    @given(bodies)
    def ask(body: Any) -> None:
        content = json.dumps(body).encode()
        response = client.post("/graphql", content=content, headers={"content-type": "application/json"})
        told = response.json()
        assert response.status_code < 500, (body, told)
        codes = {error["extensions"]["code"] for error in told.get("errors", ())}
        assert codes.isdisjoint({"INTERNAL", "SERVICE_UNAVAILABLE"}), (body, told)
        kind = "application/problem+json" if "status" in told else "application/json"
        assert response.headers["content-type"] == kind, (body, told)
        assert codes or response.status_code == 200, (body, told)

    ask()


def main() -> int:
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as scratch, cache_servers.cache_pair() as caches:
        folder = Path(scratch)
        folder.chmod(0o755)
        template = postgres_servers.make_template(folder / "template")
        server = postgres_servers.copy_of(template, folder / "migrated")
        server.start()
        one = postgres_servers.PostgresCluster(server, server)
        local = {**task_environment(one, caches), "ENVIRONMENT": "local"}
        migration = ServiceProcess("richesreach.gateway.migrate", local)
        if migration.wait() != 0:
            print(migration.output())  # noqa: T201
            return 1
        try:
            with running(task_environment(one, caches)) as found:
                failed, said = rest(found, examples)
                print(said)  # noqa: T201
                graphql(found, examples)
                print(f"GraphQL: {3 * examples} requests without a failure")  # noqa: T201
        finally:
            server.stop()
    return failed


if __name__ == "__main__":
    sys.exit(main())
