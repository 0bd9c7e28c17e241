"""What every process of a service does first: read its settings and configure its logs."""

import os
import sys
from collections.abc import Callable

from richesreach.core import logs
from richesreach.core.settings import Settings, SettingsError


def read_settings() -> Settings:
    """Settings from the process environment, with logs configured; exits 1 with one log line when wrong."""
    environ = os.environ
    try:
        settings = Settings.from_environment(environ)
    except SettingsError as error:
        service, region = environ.get("SERVICE_NAME", "unknown"), environ.get("AWS_REGION", "unknown")
        logs.configure(service=service, region=region, level="INFO")
        logs.logger().error("settings_wrong", problems=error.problems)
        sys.exit(1)
    logs.configure(service=settings.service_name, region=settings.region, level=settings.log_level)
    return settings


def run_task(name: str, work: Callable[[], None], *, expected: tuple[type[Exception], ...]) -> None:
    """A scheduled task, to its end. Where it fails it exits 1 with one line, which the alarm on failed tasks
    counts; that has the way to the error, too, unless it is one of `expected`.
    """
    try:
        work()
    except SettingsError as error:
        logs.logger().error("task_failed", task=name, problems=error.problems)
    except expected as error:
        logs.logger().error("task_failed", task=name, error=str(error))
    except Exception as error:
        logs.logger().exception("task_failed", task=name, error=f"{type(error).__name__}: {error}")
    else:
        return
    sys.exit(1)
