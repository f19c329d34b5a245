"""Who may use the page, from a file with a name and a hashed password a line.

    python -m Web.passwords NAME >> passwords.txt

asks for a password and prints such a line.
"""

from __future__ import annotations

import base64
import binascii
import getpass
import hashlib
import hmac
import secrets
import stat
import sys
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

SCHEME = "scrypt"
SCRYPT = {"n": 1 << 14, "r": 8, "p": 1, "dklen": 32}
SALT_BYTES = 16
MOST_REMEMBERED = 1000


class PasswordFileError(ValueError):
    """The file cannot be used; the message says why."""


class Passwords:
    """Names and hashed passwords.

    Parameters
    ----------
    path : Path
        Lines ``NAME:scrypt:SALT:HASH``, or ``NAME:PASSWORD`` as it is; empty lines and lines that
        begin with # do not count.

    Raises
    ------
    PasswordFileError
    """

    def __init__(self, path: Path) -> None:
        self._hashes: dict[str, tuple[bytes, bytes]] = {}
        # Hashing is slow on purpose, and a page asks often: what was right once is remembered, as
        # a keyed hash that is worth nothing outside of this process.
        self._remembered: OrderedDict[bytes, str] = OrderedDict()
        self._key = secrets.token_bytes(32)
        self._nobody = (secrets.token_bytes(SALT_BYTES), secrets.token_bytes(32))
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PasswordFileError(f"{path} cannot be read: {error}") from error
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                self._add(line.strip(), f"{path}, line {number}")
        if not self._hashes:
            raise PasswordFileError(f"{path} names nobody.")

    def _add(self, line: str, where: str) -> None:
        name, _, rest = line.partition(":")
        if not name or not rest:
            raise PasswordFileError(f"{where}: not NAME:PASSWORD.")
        if name in self._hashes:
            raise PasswordFileError(f"{where}: {name} is there already.")
        scheme, _, hashed = rest.partition(":")
        if scheme != SCHEME:
            salt = secrets.token_bytes(SALT_BYTES)
            self._hashes[name] = salt, _hash(rest, salt)
            return
        try:
            salt, _, digest = hashed.partition(":")
            self._hashes[name] = base64.b64decode(salt), base64.b64decode(digest, validate=True)
        except binascii.Error as error:
            raise PasswordFileError(f"{where}: damaged hash.") from error

    def remembered(self, authorization: str | None) -> str | None:
        """As `user_of`, but only if it was right before; fast."""
        return self._remembered.get(self._fingerprint(authorization))

    def _fingerprint(self, authorization: str | None) -> bytes:
        return hmac.digest(self._key, (authorization or "").encode(), "sha256")

    def user_of(self, authorization: str | None) -> str | None:
        """The name in a request's ``Authorization: Basic`` if its password is right.

        Takes as long for a name that does not exist. Slow: not for an event loop.
        """
        scheme, _, encoded = (authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return None
        salt, digest = self._hashes.get(name, self._nobody)
        if not hmac.compare_digest(_hash(password, salt), digest):
            return None
        self._remembered[self._fingerprint(authorization)] = name
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return name


def others_may_read(path: Path) -> bool:
    """Whether a file is open to others than its owner."""
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def hashed_line(name: str, password: str) -> str:
    """A line of the file."""
    salt = secrets.token_bytes(SALT_BYTES)
    encoded = (base64.b64encode(part).decode() for part in (salt, _hash(password, salt)))
    return ":".join((name, SCHEME, *encoded))


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **SCRYPT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask for a password and print its line."""
    names = sys.argv[1:] if arguments is None else list(arguments)
    if len(names) != 1 or ":" in names[0]:
        print("usage: python -m Web.passwords NAME", file=sys.stderr)
        return 2
    password = getpass.getpass()
    if not password or password != getpass.getpass("Again: "):
        print("Nothing was given, or not the same twice.", file=sys.stderr)
        return 1
    print(hashed_line(names[0], password))
    return 0


if __name__ == "__main__":
    sys.exit(main())
