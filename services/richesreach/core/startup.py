"""What every process of a service does first: read its settings and configure its logs."""

import os
import sys

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
