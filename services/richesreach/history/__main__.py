"""`python -m richesreach.history`: serve."""

import sys

from richesreach.core.logs import logger
from richesreach.core.server import run
from richesreach.core.settings import SettingsError
from richesreach.history.app import create_app

if __name__ == "__main__":
    try:
        run(create_app)
    except SettingsError as error:
        logger().error("settings_wrong", problems=error.problems)
        sys.exit(1)
