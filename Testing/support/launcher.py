"""Stands between Slicer and its Python, as the launcher of SlicerApp does.

It starts the engine as a child that has its pipes, passes the child's exit code on, and says its
own last line when the child was killed. A signal ends it and not the child.
"""

from __future__ import annotations

import subprocess
import sys

LAST_LINE = "error: [{program}] exit abnormally - Report the problem."


def main(arguments: list[str]) -> int:
    code = subprocess.Popen([sys.executable, *arguments]).wait()
    if code < 0:
        print(LAST_LINE.format(program=sys.executable), file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
