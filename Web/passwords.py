"""Users of the page, from a file with one name and hashed password per line.

    python -m Web.passwords NAME >> passwords.txt

asks for a password and prints such a line.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import hmac
import logging
import secrets
import stat
import sys
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import BoundedSemaphore

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerificationError
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

ARGON2 = "argon2id"
# Lines of version 0.1.0 do not contain the parameters.
SCRYPT = "scrypt"
SCRYPT_PARAMETERS = {"n": 1 << 14, "r": 8, "p": 1, "dklen": 32}
MOST_REMEMBERED = 1000
# Attempts from one address, and for one name from any address.
GUESSES_OF_ADDRESS = parse("20/15minutes")
GUESSES_OF_NAME = parse("50/15minutes")
# A hash takes 64 MB on purpose; this limits how many are computed at a time.
HASHES_AT_A_TIME = 2
log = logging.getLogger("hypothalamus_seg.web.passwords")


class PasswordFileError(ValueError):
    """The file cannot be used; the message says why."""


class TooManyGuessesError(Exception):
    """Too many wrong passwords from one address or for one name.

    Attributes
    ----------
    seconds : int
        Until the next attempt is allowed.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Passwords:
    """Names and hashed passwords.

    Parameters
    ----------
    path : Path
        Lines ``NAME:$argon2id$…``, ``NAME:scrypt:SALT:HASH`` of version 0.1.0, or
        plain ``NAME:PASSWORD``; empty lines and lines that begin with # are ignored.

    Raises
    ------
    PasswordFileError
    """

    def __init__(self, path: Path) -> None:
        self._hashes: dict[str, str] = {}
        self._hasher = PasswordHasher()
        # Hashing is slow on purpose, but a page sends many requests. Correct logins are remembered
        # as keyed hashes, which are useless outside this process.
        self._remembered: OrderedDict[bytes, str] = OrderedDict()
        self._key = secrets.token_bytes(32)
        self._nobody = self._hasher.hash(secrets.token_hex())
        self._guesses = MovingWindowRateLimiter(MemoryStorage())
        self._hashing = BoundedSemaphore(HASHES_AT_A_TIME)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PasswordFileError(f"{path} cannot be read: {error}") from error
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                self._add(line.strip(), f"{path}, line {number}")
        if not self._hashes:
            raise PasswordFileError(f"{path} contains no names.")

    def _add(self, line: str, where: str) -> None:
        name, _, rest = line.partition(":")
        if not name or not rest:
            raise PasswordFileError(f"{where}: expected NAME:PASSWORD.")
        if name in self._hashes:
            raise PasswordFileError(f"{where}: the name {name} appears twice.")
        if rest.startswith(f"{SCRYPT}:"):
            log.warning("%s is from version 0.1.0 and easier to guess: create it again", where)
        elif not rest.startswith(f"${ARGON2}$"):
            rest = self._hasher.hash(rest)
        try:
            if rest.startswith(f"${ARGON2}$"):
                extract_parameters(rest)
            self._is_right(rest, "")
        except ValueError as error:  # argon2's and base64's are such
            raise PasswordFileError(f"{where}: damaged hash.") from error
        self._hashes[name] = rest

    def remembered(self, authorization: str | None) -> str | None:
        """As `user_of`, but only for logins that were correct before; fast."""
        return self._remembered.get(self._fingerprint(authorization))

    def _fingerprint(self, authorization: str | None) -> bytes:
        return hmac.digest(self._key, (authorization or "").encode(), "sha256")

    def user_of(self, authorization: str | None, address: str | None) -> str | None:
        """The name in a request's ``Authorization: Basic`` if its password is right.

        Takes equally long for unknown names. Slow, so do not call it in the event loop.

        Raises
        ------
        TooManyGuessesError
            Raised before the password is checked.
        """
        scheme, _, encoded = (authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return None
        # Counted before hashing, so that simultaneous attempts count, too.
        counted = self._count_guess(name, address or "")
        with self._hashing:
            is_right = self._is_right(self._hashes.get(name, self._nobody), password)
        if not is_right or name not in self._hashes:
            log.warning("Wrong password from %s", address)
            return None
        for limit, key in counted:
            self._guesses.clear(limit, key)
        self._remembered[self._fingerprint(authorization)] = name
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return name

    def _count_guess(self, name: str, address: str) -> list[tuple[RateLimitItem, str]]:
        # The visitor chooses the name; its hash has a fixed length.
        hidden = hashlib.sha256(name.encode()).hexdigest()
        counted = [
            (GUESSES_OF_ADDRESS, f"address {address}"),
            (GUESSES_OF_NAME, f"name {hidden}"),
        ]
        for limit, key in counted:
            if not self._guesses.hit(limit, key):
                reset, _ = self._guesses.get_window_stats(limit, key)
                log.warning("Too many wrong passwords, most recently from %s", address)
                raise TooManyGuessesError(max(1, round(reset - time.time())))
        return counted

    def _is_right(self, hashed: str, password: str) -> bool:
        if hashed.startswith(f"{SCRYPT}:"):
            salt, _, digest = hashed.removeprefix(f"{SCRYPT}:").partition(":")
            computed = hashlib.scrypt(
                password.encode(), salt=base64.b64decode(salt), **SCRYPT_PARAMETERS
            )
            return hmac.compare_digest(computed, base64.b64decode(digest, validate=True))
        try:
            return self._hasher.verify(hashed, password)
        except VerificationError:
            return False


def others_may_read(path: Path) -> bool:
    """Whether users other than the owner can read a file."""
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def hashed_line(name: str, password: str) -> str:
    """Create a line of the file; the hash includes its parameters."""
    return f"{name}:{PasswordHasher().hash(password)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask for a password and print its line."""
    names = sys.argv[1:] if arguments is None else list(arguments)
    if len(names) != 1 or ":" in names[0]:
        print("usage: python -m Web.passwords NAME", file=sys.stderr)
        return 2
    password = getpass.getpass()
    if not password or password != getpass.getpass("Again: "):
        print("The password is empty, or the two entries differ.", file=sys.stderr)
        return 1
    print(hashed_line(names[0], password))
    return 0


if __name__ == "__main__":
    sys.exit(main())
