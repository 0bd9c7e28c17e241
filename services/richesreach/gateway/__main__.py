"""`python -m richesreach.gateway`: serve."""

from richesreach.core.server import run
from richesreach.gateway.app import create_app

if __name__ == "__main__":
    run(create_app)
