"""Middleware for every request: authentication, allowed routes and size limits.

Gradio has about forty routes; some serve cached files to anyone who knows the path, fetch URLs, or
write settings. Only routes that the page needs are allowed. Files go through `downloads`, which
checks the session. All other routes return "not found".
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import texts
from .hosts import Hosts
from .log_references import new_reference
from .page_names import PageNames
from .passwords import Passwords, TooManyGuessesError
from .refusals import RefusedError
from .request_bodies import announced_bytes, bounded_json, names_a_file, replay, whole_body
from .sessions import Session, SessionStore, TooManySessionsError

COOKIE = "hypothalamus_seg_session"
# Of browsers' Sec-Fetch-Site; programs send none.
OTHER_SITES = ("cross-site", "same-site")
API = "/gradio_api"
# Static files of Gradio and of this page.
OPEN_ROUTES = re.compile(
    r"/(assets|static|browser)/[^?]*|/(theme\.css|favicon\.ico|robots\.txt|manifest\.json)"
)
OWN_ROUTES = re.compile(r"/|/config/?|/uploads|/expiry|/results(/.*)?")
# Requested by the page itself; does not count as visitor activity.
QUIET_ROUTES = ("/expiry",)
GRADIO_ROUTES = re.compile(
    rf"{API}/(info/?|startup-events|app_id/?|heartbeat/(?P<hash>[^/]+)"
    r"|run/predict/?|queue/join/?|queue/data/?|cancel)"
)
CALL_ROUTES = (f"{API}/queue/join", f"{API}/run/predict")
UPLOAD_ROUTE = "/uploads"
RESULTS_ROUTE = "/results/"
# These stay open as long as a page or a program listens.
STREAM_ROUTES = re.compile(rf"{API}/(heartbeat/[^/]+|queue/data/?)")
MOST_STREAMS = 8
MOST_JSON_BYTES = 1 << 17
WRONG_PASSWORD_PAUSE_S = 1.0
SECURITY_HEADERS = {
    # Gradio's page evaluates strings and has inline scripts. What matters: nothing is loaded from,
    # or sent to, any other server.
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


@dataclass
class Gate:
    """ASGI middleware around everything.

    Parameters
    ----------
    app : ASGI application
    store : SessionStore
    pages : PageNames
        Names that Gradio gives to the connections of each page.
    most_upload_bytes : int
        Size limit of one file.
    passwords : Passwords or None
    root_path : str
        Path at which a proxy serves the page; the cookie is limited to it.
    hosts : Hosts
        Accepted host names.
    patience_s : float
        Time limit for the rest of a request.
    """

    app: ASGIApp
    store: SessionStore
    pages: PageNames
    most_upload_bytes: int
    passwords: Passwords | None = None
    root_path: str = ""
    hosts: Hosts = field(default_factory=Hosts)
    patience_s: float = 60.0

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
                # Gradio would allow other sites' scripts if the server is not on loopback.
                for name in [n for n in headers if n.lower().startswith("access-control-")]:
                    del headers[name]
                if new_cookie:
                    headers.append("set-cookie", new_cookie)
            await send(message)

        new_cookie = ""
        try:
            headers = Headers(scope=scope)
            if not self.hosts.knows(headers.get("host")):
                raise RefusedError(400, texts.UNKNOWN_HOST)
            path = _route_path(scope)
            _refuse_other_sites(scope, headers, path)
            address = scope["client"][0] if scope.get("client") else None
            user = await self._user(headers, address)
            if not OPEN_ROUTES.fullmatch(path):
                name = self._cookie_name(scope)
                session, is_new = self._session(path, cookie_of(headers, name), user, address)
                scope.setdefault("state", {})["session"] = session
                if is_new:
                    new_cookie = self._cookie(session, scope)
                receive = await self._checked_body(scope, headers, path, session, receive)
            if STREAM_ROUTES.fullmatch(path):
                await self._serve_stream(session, scope, receive, hardened)
            else:
                await self.app(scope, receive, hardened)
        except RefusedError as refused:
            await refused.response()(scope, receive, hardened)
        except Exception:
            reference = new_reference()
            log.exception("Unexpected failure, reference %s", reference)
            if started:
                raise
            refused = RefusedError(500, texts.unexpected_error(reference))
            await refused.response()(scope, receive, hardened)

    async def _serve_stream(
        self, session: Session, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve an event stream; a visitor may have only a few."""
        if session.listening >= MOST_STREAMS:
            raise RefusedError(429, texts.TOO_MANY_AT_ONCE)
        session.listening += 1
        try:
            await self.app(scope, receive, send)
        except RuntimeError as error:
            # Gradio starts its response before it notices that the page sent no request.
            if not isinstance(error.__cause__, HTTPException):
                raise
            log.info("A stream of a page that sent no request was closed")
        finally:
            session.listening -= 1

    async def _user(self, headers: Headers, address: str | None) -> str | None:
        if self.passwords is None:
            return None
        authorization = headers.get("authorization")
        # Known users do not wait while others guess passwords.
        user = self.passwords.remembered(authorization)
        if user is None:
            try:
                user = await asyncio.to_thread(self.passwords.user_of, authorization, address)
            except TooManyGuessesError as error:
                raise RefusedError(
                    429, texts.TOO_MANY_GUESSES, **{"retry-after": str(error.seconds)}
                ) from error
        if user is None:
            if authorization:
                await asyncio.sleep(WRONG_PASSWORD_PAUSE_S)
            raise RefusedError(
                401, texts.PASSWORD_NEEDED, **{"www-authenticate": 'Basic realm="HypothalamusSeg"'}
            )
        return user

    def _session(
        self, path: str, token: str | None, user: str | None, address: str | None
    ) -> tuple[Session, bool]:
        if not OWN_ROUTES.fullmatch(path) and not GRADIO_ROUTES.fullmatch(path):
            raise RefusedError(404, texts.NOT_FOUND)
        find = self.store.peek if path in QUIET_ROUTES else self.store.find
        session = find(token, user)
        if session:
            return session, False
        try:
            return self.store.open(user, address), True
        except TooManySessionsError as error:
            raise RefusedError(503, texts.TOO_MANY_VISITORS) from error

    def _cookie_name(self, scope: Scope) -> str:
        """Cookie name; with TLS, one that other hosts and plain HTTP cannot set."""
        if scope["scheme"] != "https":
            return COOKIE
        # Such a cookie applies to all paths of the host, so its name includes the path.
        return f"__Host-{COOKIE}" + re.sub(r"[^A-Za-z0-9]+", "_", self.root_path)

    def _cookie(self, session: Session, scope: Scope) -> str:
        name = self._cookie_name(scope)
        place = "/; Secure" if scope["scheme"] == "https" else f"{self.root_path}/"
        return f"{name}={session.token}; Path={place}; HttpOnly; SameSite=Lax"

    async def _checked_body(
        self, scope: Scope, headers: Headers, path: str, session: Session, receive: Receive
    ) -> Receive:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if "deep_link" in query:  # another way in Gradio to read a file of the server
            raise RefusedError(404, texts.NOT_FOUND)
        matched = GRADIO_ROUTES.fullmatch(path)
        if matched:
            of_path = [matched["hash"]] if matched["hash"] else []
            for name in (*of_path, *query.get("session_hash", [])):
                self.pages.claim(name, session)
        if scope["method"] in ("GET", "HEAD"):
            return receive
        limit = self.most_upload_bytes if path == UPLOAD_ROUTE else MOST_JSON_BYTES
        if announced_bytes(headers) > limit:
            raise RefusedError(413, texts.too_large(limit), connection="close")
        if path == UPLOAD_ROUTE:
            return receive  # counted while it is written
        body = await whole_body(receive, limit, self.patience_s)
        if body is None:
            raise RefusedError(413, texts.too_large(limit), connection="close")
        content = bounded_json(body)
        # Gradio treats an object with a path as a file: it would copy any file of the server, or
        # fetch any URL, into its cache.
        if not isinstance(content, dict) or names_a_file(content):
            raise RefusedError(400, texts.BAD_REQUEST)
        name = content.get("session_hash")
        if name is not None:
            self.pages.claim(name, session)
        if path.startswith(CALL_ROUTES):
            self.pages.check_call(content)
        return replay(body, receive)


def session_of(request) -> Session:
    """The session of a Starlette or Gradio request, as found by the gate."""
    inner = getattr(request, "request", None) or request
    return inner.scope["state"]["session"]


def _route_path(scope: Scope) -> str:
    path, root = scope["path"], scope.get("root_path", "")
    if root and path.startswith(root):
        path = path[len(root) :] or "/"
    if ".." in path or "//" in path:
        raise RefusedError(404, texts.NOT_FOUND)
    return path


def _refuse_other_sites(scope: Scope, headers: Headers, path: str) -> None:
    """Prevent other sites from using the visitor's cookie to act or to fetch results."""
    # A link on another site sends the cookie, too; browsers tell where the link was.
    if path.startswith(RESULTS_ROUTE) and headers.get("sec-fetch-site") in OTHER_SITES:
        raise RefusedError(403, texts.OTHER_SITE)
    origin = headers.get("origin")
    if scope["method"] in ("GET", "HEAD") or not origin:
        return
    hosts = {headers.get("host"), headers.get("x-forwarded-host")}
    if urlsplit(origin).netloc not in hosts:
        raise RefusedError(403, texts.OTHER_SITE)


def cookie_of(headers: Headers, name: str) -> str | None:
    """Value of a cookie, regardless of cookies of other applications on this host."""
    return cookie_parser(headers.get("cookie", "")).get(name)
