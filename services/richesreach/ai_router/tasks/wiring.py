"""What the tasks need of the application: their processes, and their routes."""

from fastapi import FastAPI

from richesreach.ai_router.tasks.portfolio import api as portfolio


def install(app: FastAPI) -> None:
    """Adds the routes of every task. Processes start with the first request that needs one."""
    app.state.portfolios = portfolio.processes()
    app.include_router(portfolio.router)
