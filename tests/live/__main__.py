"""`python -m tests.live up | build | down`."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
