"""`python -m richesreach.ai_router`: serve."""

import sys

from richesreach.ai_router.app import create_app
from richesreach.core.logs import logger
from richesreach.core.server import run
from richesreach.core.settings import SettingsError

if __name__ == "__main__":
    try:
        run(create_app)
    except SettingsError as error:
        logger().error("settings_wrong", problems=error.problems)
        sys.exit(1)
