"""How much the tests that repeat one thing many times do: a sample, or with KMIPD_THOROUGH=1 (`make thorough`) all."""

from __future__ import annotations

import os

THOROUGH = bool(os.environ.get("KMIPD_THOROUGH"))
