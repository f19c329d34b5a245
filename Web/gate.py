"""What every request passes first: who asks, may it be asked, and how much may be sent.

Gradio brings some forty routes, among them ones that serve cached files to whoever knows their
path, fetch addresses, or write settings. Only those that the page needs are let through; files go
through `downloads`, which looks at the session. The rest is answered as if it did not exist.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import texts
from .passwords import Passwords
from .references import new_reference
from .sessions import Session, SessionStore, TooManySessionsError

COOKIE = "hypothalamus_seg_session"
API = "/gradio_api"
# Files of Gradio's and of this page, the same for everybody.
OPEN_ROUTES = re.compile(
    r"/(assets|static|browser)/[^?]*|/(theme\.css|favicon\.ico|robots\.txt|manifest\.json)"
)
OWN_ROUTES = re.compile(r"/|/config/?|/uploads|/expiry|/results(/.*)?")
# Asked by the page itself: no sign that its visitor is there.
QUIET_ROUTES = ("/expiry",)
GRADIO_ROUTES = re.compile(
    rf"{API}/(info/?|startup-events|app_id/?|heartbeat/(?P<hash>[^/]+)"
    r"|run/predict/?|queue/join/?|queue/data/?|cancel)"
)
UPLOAD_ROUTE = "/uploads"
MOST_JSON_BYTES = 1 << 17
WRONG_PASSWORD_PAUSE_S = 1.0
SECURITY_HEADERS = {
    # Gradio's page evaluates strings and has inline scripts; what counts is that nothing at all
    # is loaded from, or sent to, anywhere else.
    "content-security-policy": "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
log = logging.getLogger("hypothalamus_seg.web.gate")


class RefusedError(Exception):
    """An answer instead of a way through."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers

    def response(self) -> JSONResponse:
        # Gradio's scripts look for "detail".
        content = {"message": self.message, "detail": self.message}
        return JSONResponse(content, self.status, self.headers)


@dataclass
class Gate:
    """ASGI middleware around everything.

    Parameters
    ----------
    app : ASGI application
    store : SessionStore
    most_upload_bytes : int
        Of one file.
    passwords : Passwords or None
    root_path : str
        Where a proxy shows the page; the cookie is for there.
    """

    app: ASGIApp
    store: SessionStore
    most_upload_bytes: int
    passwords: Passwords | None = None
    root_path: str = ""

    def __post_init__(self) -> None:
        # Gradio names a page's connection by itself; whose it is stands here.
        self._hash_owners: dict[str, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        started = False

        async def hardened(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                # Gradio would let other sites' scripts in where the server is not on loopback.
                for name in [n for n in headers if n.lower().startswith("access-control-")]:
                    del headers[name]
                if new_cookie:
                    headers.append("set-cookie", new_cookie)
            await send(message)

        new_cookie = ""
        try:
            path = _route_path(scope)
            headers = Headers(scope=scope)
            _refuse_other_sites(scope, headers)
            user = await self._user(headers)
            if not OPEN_ROUTES.fullmatch(path):
                session, is_new = self._session(path, headers, user)
                scope.setdefault("state", {})["session"] = session
                if is_new:
                    new_cookie = _cookie(session, scope["scheme"], self.root_path)
                receive = await self._checked_body(scope, headers, path, session, receive)
            await self.app(scope, receive, hardened)
        except RefusedError as refused:
            await refused.response()(scope, receive, hardened)
        except Exception:
            reference = new_reference()
            log.exception("Unexpected failure, reference %s", reference)
            if started:
                raise
            refused = RefusedError(500, texts.unexpected(reference))
            await refused.response()(scope, receive, hardened)

    async def _user(self, headers: Headers) -> str | None:
        if self.passwords is None:
            return None
        authorization = headers.get("authorization")
        # Who is known does not wait behind those who try passwords.
        user = self.passwords.remembered(authorization)
        if user is None:
            user = await asyncio.to_thread(self.passwords.user_of, authorization)
        if user is None:
            if authorization:
                await asyncio.sleep(WRONG_PASSWORD_PAUSE_S)
            raise RefusedError(
                401, texts.PASSWORD_NEEDED, **{"www-authenticate": 'Basic realm="HypothalamusSeg"'}
            )
        return user

    def _session(self, path: str, headers: Headers, user: str | None) -> tuple[Session, bool]:
        if not OWN_ROUTES.fullmatch(path) and not GRADIO_ROUTES.fullmatch(path):
            raise RefusedError(404, texts.NOT_FOUND)
        find = self.store.peek if path in QUIET_ROUTES else self.store.find
        session = find(_token(headers), user)
        if session:
            return session, False
        try:
            return self.store.open(user), True
        except TooManySessionsError as error:
            raise RefusedError(503, texts.TOO_MANY_VISITORS) from error

    async def _checked_body(
        self, scope: Scope, headers: Headers, path: str, session: Session, receive: Receive
    ) -> Receive:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if "deep_link" in query:  # another of Gradio's ways to a file of the server
            raise RefusedError(404, texts.NOT_FOUND)
        matched = GRADIO_ROUTES.fullmatch(path)
        if matched:
            for name in (matched["hash"], *query.get("session_hash", [])):
                self._refuse_foreign_hash(name, session)
        if scope["method"] in ("GET", "HEAD"):
            return receive
        limit = self.most_upload_bytes if path == UPLOAD_ROUTE else MOST_JSON_BYTES
        if int(headers.get("content-length", "0") or 0) > limit:
            raise RefusedError(413, texts.too_large(limit), connection="close")
        if path == UPLOAD_ROUTE:
            return receive  # counted where it is written
        body = await _whole_body(receive, limit)
        self._refuse_bad_json(body, session)
        return _replay(body, receive)

    def _refuse_bad_json(self, body: bytes, session: Session) -> None:
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise RefusedError(400, texts.BAD_REQUEST) from error
        # Gradio takes such an object for a file: it would copy any path of the server's disk, or
        # fetch any address, into its cache.
        if not isinstance(content, dict) or _names_a_file(content):
            raise RefusedError(400, texts.BAD_REQUEST)
        self._refuse_foreign_hash(content.get("session_hash"), session)

    def _refuse_foreign_hash(self, name: str | None, session: Session) -> None:
        if not name:
            return
        owner = self._hash_owners.get(str(name))
        if owner not in (None, session.token) and self.store.knows(owner):
            raise RefusedError(404, texts.NOT_FOUND)
        if owner != session.token:
            known = self._hash_owners.items()
            self._hash_owners = {n: token for n, token in known if self.store.knows(token)}
            self._hash_owners[str(name)] = session.token


def session_of(request) -> Session:
    """The session that the gate found for a request of Starlette's or Gradio's."""
    inner = getattr(request, "request", None) or request
    return inner.scope["state"]["session"]


def _route_path(scope: Scope) -> str:
    path, root = scope["path"], scope.get("root_path", "")
    if root and path.startswith(root):
        path = path[len(root) :] or "/"
    if ".." in path or "//" in path:
        raise RefusedError(404, texts.NOT_FOUND)
    return path


def _refuse_other_sites(scope: Scope, headers: Headers) -> None:
    """Another site's page may not act with the visitor's cookie."""
    origin = headers.get("origin")
    if scope["method"] in ("GET", "HEAD") or not origin:
        return
    hosts = {headers.get("host"), headers.get("x-forwarded-host")}
    if urlsplit(origin).netloc not in hosts:
        raise RefusedError(403, texts.OTHER_SITE)


def _token(headers: Headers) -> str | None:
    try:
        cookie = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return cookie[COOKIE].value if COOKIE in cookie else None


def _cookie(session: Session, scheme: str, root_path: str) -> str:
    secure = "; Secure" if scheme == "https" else ""
    return f"{COOKIE}={session.token}; Path={root_path}/; HttpOnly; SameSite=Lax{secure}"


async def _whole_body(receive: Receive, limit: int) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, texts.BAD_REQUEST)
        body += message.get("body", b"")
        if len(body) > limit:
            raise RefusedError(413, texts.too_large(limit), connection="close")
        if not message.get("more_body"):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _names_a_file(value: object) -> bool:
    if isinstance(value, dict):
        return "path" in value or "url" in value or any(map(_names_a_file, value.values()))
    return isinstance(value, list) and any(map(_names_a_file, value))
