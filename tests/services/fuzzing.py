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
from uuid import uuid4

HERE = Path(__file__).parent
SERVICES = HERE.parents[1] / "services"
sys.path[:0] = [str(HERE), str(SERVICES), str(SERVICES / "graphql")]

import cache_servers  # noqa: E402
import httpx  # noqa: E402
import postgres_servers  # noqa: E402
import published  # noqa: E402
import user_pool  # noqa: E402
from asking import UNLIMITED  # noqa: E402
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


# Who asks. The pool's users have one role each: what one may not do is refused, and not failed at.
CALLERS = ("nobody", "viewer", "trader", "admin")
# Asked after all others, by another user: who erased the own account is nobody to what follows, and what
# an admin switched off is answered with 503.
_LAST = ("DELETE /api/users/me", "PUT /api/admin/flags/{name}")


@dataclass(frozen=True)
class Running:
    """A gateway that listens, and the pool of its users."""

    url: str
    pool: user_pool.Pool
    process: ServiceProcess

    def token(self, caller: str) -> str:
        """Of a new user with that role."""
        return self.pool.person(f"{uuid4()}@example.org", caller)[1]


@contextmanager
def running(environment: Environment, work: Path) -> Iterator[Running]:
    host, port = own_address()
    with user_pool.user_pool(work) as pool:
        told = {**UNLIMITED, **environment, **pool.variables, **user_pool.CREDENTIALS}
        told |= {"BIND_ADDRESS": host, "PORT": str(port), "LOG_LEVEL": "WARNING"}
        process = ServiceProcess("richesreach.gateway", told)
        try:
            until(lambda: accepts(host, port), "the gateway listens", patience=120)
            yield Running(f"http://{host}:{port}", pool, process)
        finally:
            process.kill()


def rest(found: Running, caller: str, examples: int, *options: str) -> tuple[int, str]:
    """Ask every route as that caller: the exit status, 0 without a finding, and what was said."""
    runs = ("--exclude-name", "--include-name")
    asked = [
        _schemathesis(found, caller, examples, *(word for name in _LAST for word in (chosen, name)), *options)
        for chosen in runs
    ]
    return max(status for status, _ in asked), "\n".join(said for _, said in asked)


def _schemathesis(found: Running, caller: str, examples: int, *options: str) -> tuple[int, str]:
    shown = [] if caller == "nobody" else ["--header", f"Authorization: Bearer {found.token(caller)}"]
    with tempfile.TemporaryDirectory() as scratch:  # it keeps its examples where it runs
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                *("run", f"{found.url}/api/openapi.json", *shown, "--checks", ",".join(CHECKS)),
                *("--max-examples", str(examples), "--generation-database", "none"),
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
    headers = {"authorization": f"Bearer {found.token('admin')}"}
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
    failed = 0
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
            with running(task_environment(one, caches), folder) as found:
                for caller in CALLERS:
                    status, said = rest(found, caller, examples)
                    print(f"as {caller}:\n{said}")  # noqa: T201
                    failed = max(failed, status)
                graphql(found, examples)
                print(f"GraphQL: {3 * examples} requests without a failure")  # noqa: T201
        finally:
            server.stop()
    return failed


if __name__ == "__main__":
    sys.exit(main())
