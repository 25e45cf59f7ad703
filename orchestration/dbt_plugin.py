"""What plain `dbt build` needs: a home that exists, and the loader's reading of values."""

from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from ingest import ensure_landing
from ingest.values import install_macros
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

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Let the models read ids, times and numbers as the loader does."""
        install_macros(conn)
