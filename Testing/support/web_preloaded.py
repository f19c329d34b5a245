"""Imports what a server does up to its first event; every server is a fork of this process."""

from importlib import import_module

from Web.start import no_garbage_collection

with no_garbage_collection():
    # What Gradio and uvicorn import late, too.
    for name in (
        *("Web.command_line", "Web.server", "Web.connections"),
        *("anyio._backends._asyncio", "fastapi.telemetry._runtime"),
        *("gradio.components.api_component", "matplotlib.backends.backend_agg"),
        *("matplotlib.pyplot", "pydantic.v1", "starlette.middleware.cors", "uvicorn.lifespan.on"),
        *("uvicorn.loops.asyncio", "uvicorn.protocols.http.h11_impl"),
    ):
        import_module(name)
