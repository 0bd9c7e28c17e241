"""Language models: one mock provider for all regions, and the services' secret that leads to it.

On AWS people put the providers' keys into the secret. Here a secret that is still as it was born gets the
address of the mock, which says in every answer that it is one; a secret that somebody filled in is left
alone, so that the local platform can ask a real provider too.
"""

import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ops.local.keeper import Keeper
from ops.local.paths import ROOT, SERVICES_PYTHON
from ops.local.process import BASE_PATH, Command
from ops.local.reconcilers.report import Report
from stacks.naming import Names

Clients = Callable[[str, str], Any]

SECRET = Names("local").secret("ai/providers")
ADDRESS, PORT = "127.75.0.1", 8090
#: What a secret is born as (`stacks/service_secrets`).
EMPTY = "{}"
#: Of a connection that shows that it serves.
PATIENCE = 0.2

logger = logging.getLogger(__name__)


def providers() -> dict[str, Any]:
    """The secret's value: each kind of provider at the mock, with a key that opens nothing."""
    base = f"http://{ADDRESS}:{PORT}"
    keys = [{"id": "mock", "key": "mock-key-of-the-local-platform"}]
    return {
        "openai": {"keys": keys, "base_url": f"{base}/v1"},
        "anthropic": {"keys": keys, "base_url": base},
        "google": {"keys": keys, "base_url": base},
    }


class Models:
    """Reconciles the mock provider with the secret: without one it does not run."""

    name = "models"

    def __init__(self, clients: Clients, home: str, logs: Path) -> None:
        self._api = clients("secretsmanager", home)
        self._log = logs / "model-provider.log"
        self.keeper = Keeper("model-provider", "models", home, ADDRESS, PORT)

    def reconcile(self) -> Report:
        """One pass: fill the secret in, keep the mock running where there is one."""
        value = self._value()
        if value is None:
            self.keeper.stop()
            return Report()
        if value == EMPTY:
            self._api.put_secret_value(SecretId=SECRET, SecretString=json.dumps(providers()))
            logger.info("%s was empty: it now leads to the mock at %s:%d", SECRET, ADDRESS, PORT)
        runs = self.keeper.tick(self._command())
        return Report(processes=(self.keeper.state(runs and _answers()),))

    def stop(self) -> None:
        """End the mock."""
        self.keeper.stop(grace=1.0)

    def _value(self) -> str | None:
        try:
            return str(self._api.get_secret_value(SecretId=SECRET)["SecretString"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise

    def _command(self) -> Command:
        words = ("-m", "ops.local.model_provider", "--host", ADDRESS, "--port", str(PORT))
        variables = {"PATH": BASE_PATH, "PYTHONPATH": str(ROOT)}
        return Command((str(SERVICES_PYTHON), *words), self._log, variables)


def _answers() -> bool:
    try:
        with socket.create_connection((ADDRESS, PORT), PATIENCE):
            return True
    except OSError:
        return False
