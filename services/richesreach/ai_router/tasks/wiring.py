"""What the tasks need of the application: their processes, and their routes."""

from fastapi import FastAPI

from richesreach.ai_router.tasks.market import api as market
from richesreach.ai_router.tasks.portfolio import api as portfolio
from richesreach.ai_router.tasks.sentiment import api as sentiment


def install(app: FastAPI) -> None:
    """Adds the routes of every task. Processes start with the first request that needs one."""
    app.state.portfolios = portfolio.processes()
    for router in (portfolio.router, sentiment.router, market.router):
        app.include_router(router)
