"""``python -m qhn_core``: the command line. The commands are in :mod:`qhn_core.commands`, one a file."""

from __future__ import annotations

import sys

from qhn_core.commands import main

if __name__ == "__main__":
    sys.exit(main())
