"""The same route on Starlette alone: `python -m bare_service`."""

import os

import uvicorn
from small_service import small
from starlette.applications import Starlette
from starlette.routing import Route

if __name__ == "__main__":
    uvicorn.run(
        Starlette(routes=[Route("/small", small)]),
        host=os.environ["BIND_ADDRESS"],
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
    )
