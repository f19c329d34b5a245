"""What a request is answered with instead of being let through."""

from __future__ import annotations

from starlette.responses import JSONResponse


class RefusedError(Exception):
    """An answer instead of a way through."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers

    def response(self) -> JSONResponse:
        # Gradio's scripts look for "detail".
        content = {"message": self.message, "detail": self.message}
        return JSONResponse(content, self.status, self.headers)
