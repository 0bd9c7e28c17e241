"""`python -m richesreach.history.compact`: put the small files of past hours together. Run by a schedule."""

import os
from datetime import UTC, datetime

from richesreach.core.logs import logger
from richesreach.core.settings import Settings, SettingsError
from richesreach.core.startup import read_settings, run_task
from richesreach.history.lake.compaction import compact
from richesreach.history.lake.layouts import LAYOUTS
from richesreach.history.lake.manifests import Place
from richesreach.history.lake.store import LakeStore
from richesreach.history.settings import HistorySettings


def lake_of(settings: Settings) -> LakeStore:
    """The region's own. Raises SettingsError where the environment has none."""
    if settings.lake_bucket is None:
        raise SettingsError(["S3_BUCKET is missing: there is no lake to write"])
    return LakeStore.of_region(settings.lake_bucket, settings.region)


class HoursFailedError(Exception):
    """Hours are as they were; the log says why of each, and the next run tries them again."""


def main() -> None:
    """Raises HoursFailedError after all that can be done is done."""
    settings = read_settings()
    HistorySettings.from_environment(os.environ)
    store = lake_of(settings)
    failed = []
    for layout in LAYOUTS:
        try:
            outcomes = compact(Place(store, layout, settings.region), datetime.now(UTC))
        except Exception as error:
            logger().exception(
                "dataset_failed", dataset=layout.dataset, error=f"{type(error).__name__}: {error}"
            )
            failed.append(layout.dataset)
            continue
        for outcome in outcomes:
            if outcome.error is not None:
                failed.append(f"{layout.dataset} {outcome.hour:%Y-%m-%dT%H}")
                continue
            logger().info(
                "hour_compacted",
                dataset=layout.dataset,
                hour=outcome.hour.isoformat(),
                merged=outcome.merged,
                marked=outcome.marked,
            )
    if failed:
        raise HoursFailedError(f"not compacted: {', '.join(failed)}")


if __name__ == "__main__":
    run_task("compact", main, expected=(HoursFailedError,))
