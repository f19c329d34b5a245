"""Host names that the server accepts.

A malicious page can let its own name point to this machine (DNS rebinding), so that the browser
treats this server as part of that page. Such names are rejected; IP addresses are safe.

Starlette's TrustedHostMiddleware accepts only listed names, so it cannot accept every IP address.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Hosts:
    """Accepted host names, in addition to IP addresses, localhost and the machine's own name.

    Parameters
    ----------
    names : tuple of str
        From ``--allow-host``, without a port.
    """

    names: tuple[str, ...] = ()

    def knows(self, header: str | None) -> bool:
        """Whether a request's ``Host`` header names this server."""
        try:
            host = urlsplit(f"//{header or ''}").hostname or ""
        except ValueError:
            return False
        return _is_address(host) or host in (*map(str.lower, self.names), *own_names())


def own_names() -> tuple[str, ...]:
    """Names of this machine."""
    name = socket.gethostname().lower()
    return ("localhost", name, f"{name}.local")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
