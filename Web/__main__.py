"""Run ``python -m Web``: the same as ``hypothalamus-seg serve``."""

import sys

from .command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
