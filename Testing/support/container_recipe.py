"""Read Containers/Dockerfile, and build it without Docker: in a chroot, step by step.

    python -m Testing.support.container_recipe ROOT [--build-arg NAME=VALUE] -- ARGUMENTS

ROOT is a folder in which debootstrap has put a Debian with python3-venv; it stands for the image
that the file begins with, has /proc and /dev/shm mounted as containers do, and may hold a pip.conf
of this machine. Each COPY and RUN is done there.
Then the entry point runs with ARGUMENTS as the file's user and without a network. Needs root.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKERFILE = REPOSITORY / "Containers/Dockerfile"
# As Docker sets it where an image does not.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Step:
    """One instruction of a Dockerfile: COPY and its words, for example."""

    name: str
    text: str

    def words(self) -> list[str]:
        return shlex.split(self.text)


def read_steps(path: Path = DOCKERFILE) -> list[Step]:
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    pairs = [line.split(maxsplit=1) for line in lines if line.strip()]
    return [Step(name.upper(), text) for name, text in pairs]


def copied(steps: list[Step]) -> list[tuple[str, str]]:
    """What is copied into the image: source in the repository, place in the image."""
    found = []
    for step in steps:
        if step.name == "COPY":
            *sources, target = step.words()
            ends = target.endswith("/")
            found += [(s, target + Path(s).name if ends else target) for s in sources]
    return found


def build(root: Path, arguments: dict[str, str]) -> dict[str, str]:
    """Do all COPY and RUN steps below a root folder; returns the image's environment."""
    environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}
    values: dict[str, str] = {}
    for step in read_steps():
        if step.name == "ARG":
            name, _, default = step.text.partition("=")
            values[name] = arguments.get(name, default)
        elif step.name == "COPY":
            _copy(step, root)
        elif step.name == "ENV":
            environment.update(dict(word.split("=", 1) for word in step.words()))
        elif step.name == "RUN":
            _chroot(root, ["sh", "-c", Template(step.text).safe_substitute(values)], environment)
    return environment


def _copy(step: Step, root: Path) -> None:
    for source, target in copied([step]):
        place, origin = root / target.lstrip("/"), REPOSITORY / source
        place.parent.mkdir(parents=True, exist_ok=True)
        if origin.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(origin, place, dirs_exist_ok=True, ignore=ignored)
        else:
            shutil.copy(origin, place)


def _chroot(root: Path, command: list[str], environment: dict[str, str]) -> None:
    print("+", shlex.join(command), flush=True)
    subprocess.run(["chroot", root, *command], env=environment, check=True)


def run(root: Path, arguments: list[str], environment: dict[str, str]) -> int:
    """Start the entry point as the image's user, in a network namespace without any network."""
    steps = {step.name: step for step in read_steps()}
    user = steps["USER"].text
    command = ["unshare", "--net", "chroot", f"--userspec={user}", str(root)]
    command += [*json.loads(steps["ENTRYPOINT"].text), *arguments]
    print("+", shlex.join(command), flush=True)
    home = {"HOME": f"/home/{user}"}
    return subprocess.run(command, env={**environment, **home}, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    # What follows the two dashes is the entry point's, options included.
    here, _, there = " ".join(map(shlex.quote, sys.argv[1:])).partition(" -- ")
    parsed = parser.parse_args(shlex.split(here))
    values = dict(pair.split("=", 1) for pair in parsed.build_arg)
    return run(parsed.root, shlex.split(there), build(parsed.root, values))


if __name__ == "__main__":
    raise SystemExit(main())
