"""`python -m richesreach.features.export --hours 24 --into FOLDER`: offline rows as Parquet, hour by hour.

Reads the nearest replica, with a task's environment. An hour is written anew each time it is asked for.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from richesreach.core.database import Database, DatabaseUnavailableError
from richesreach.core.logs import logger
from richesreach.core.startup import read_settings
from richesreach.features import parquet
from richesreach.features.offline import OfflineStore
from richesreach.features.views import BY_NAME, VIEWS, View


async def export(store: OfflineStore, view: View, begin: int, until: int, folder: Path) -> int:
    """Write the hours from `begin` on and before `until` (Unix nanoseconds) that have rows; how many rows."""
    total = 0
    for hour in range(begin - begin % parquet.HOUR, until, parquet.HOUR):
        rows = await store.between(view, hour, hour + parquet.HOUR)
        if rows:
            await asyncio.to_thread(parquet.write, view, rows, parquet.path_of(folder, view, hour))
        total += len(rows)
    return total


async def _run(hours: int, folder: Path, views: list[View]) -> None:
    database = Database(read_settings())
    await database.open()
    try:
        now = time.time_ns()
        for view in views:
            rows = await export(OfflineStore(database), view, now - hours * parquet.HOUR, now, folder)
            logger().info("features_exported", view=view.name, rows=rows)
    finally:
        await database.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m richesreach.features.export", description=__doc__)
    parser.add_argument("--hours", type=int, required=True, help="how far back to go, 1 to 8760")
    parser.add_argument("--into", type=Path, required=True, help="the folder that holds the files")
    parser.add_argument("views", nargs="*", metavar="view", help=f"of {', '.join(BY_NAME)}; all where none")
    told = parser.parse_args()
    if not 1 <= told.hours <= 8760:
        parser.error(f"--hours is 1 to 8760, not {told.hours}")
    if wrong := [name for name in told.views if name not in BY_NAME]:
        parser.error(f"there is no view {wrong[0]!r}; choose from {', '.join(BY_NAME)}")
    try:
        asyncio.run(_run(told.hours, told.into, [BY_NAME[name] for name in told.views] or [*VIEWS]))
    except (DatabaseUnavailableError, OSError) as error:
        logger().error("export_failed", error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
