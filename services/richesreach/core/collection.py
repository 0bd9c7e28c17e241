"""How often cyclic garbage is looked for.

The interpreter's defaults look through 700 new objects at a time, which is every other request, and ever
again through all that a process has imported: a tenth of what a small request costs. Requests leave few
cycles, so that looking rarely finds as much.
"""

import gc

# New containers until the youngest are looked through; looks at a generation until the next older one's turn.
THRESHOLDS = (20_000, 20, 20)


def settle() -> None:
    """The process has started: what is there stays, and is not looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
