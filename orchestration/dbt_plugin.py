"""What plain `dbt build` needs before it can open a home that does not exist yet."""

from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from ingest import ensure_landing
from orchestration.settings import settings


class Plugin(BasePlugin):
    """Makes the folders of a home before dbt opens its warehouse; dbt-duckdb finds it by this name."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Make the home that `plugin_config["home"]` names, where it is missing.

        Raises:
            SettingsError: when FOOTFALL_HOME is no folder that DuckDB can read patterns of files from.
        """
        settings()
        ensure_landing(Path(plugin_config["home"]))
