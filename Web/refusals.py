"""Responses for refused requests."""

from __future__ import annotations

from starlette.responses import JSONResponse


class RefusedError(Exception):
    """The request is refused with this response."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers

    def response(self) -> JSONResponse:
        # Gradio's scripts look for "detail".
        content = {"message": self.message, "detail": self.message}
        return JSONResponse(content, self.status, self.headers)
