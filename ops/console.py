"""Where commands write."""

from __future__ import annotations

import sys

from rich.console import Console

# A pipe or a CI log has no width of its own; 80 columns would fold every table.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
