"""Imports what a server of the page does up to its first event; servers are forks of this process.

The garbage collector leaves alone what there is now: looking through it takes half of a server's
start.
"""

import gc
from importlib import import_module

import Web.command_line
import Web.server  # noqa: F401

# What Gradio and uvicorn import late.
for name in (
    *("anyio._backends._asyncio", "fastapi.telemetry._runtime", "gradio.components.api_component"),
    *("matplotlib.backends.backend_agg", "matplotlib.pyplot", "pydantic.v1"),
    *("starlette.middleware.cors", "uvicorn.lifespan.on", "uvicorn.loops.asyncio"),
    *("uvicorn.protocols.http.h11_impl", "Web.connections"),
):
    import_module(name)
gc.collect()
gc.freeze()
