"""What plain `dbt build` needs: a home that exists, its settings, and the loader's reading of values."""

from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.flags import get_flags
from dbt_common.context import get_invocation_context
from duckdb.sqltypes import VARCHAR

from ingest import ensure_landing
from ingest.analyses import configured
from ingest.values import install_macros
from orchestration import skipping
from orchestration.legal import CHECKED, refusal_of
from orchestration.logic import logic_of
from orchestration.settings import missing_variables, project_dir, settings


class Plugin(BasePlugin):
    """Makes the folders of a home before dbt opens its warehouse; dbt-duckdb finds it by this name."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Make the home that `plugin_config["home"]` names, where it is missing, and let models see its settings.

        dbt compiles models by the environment as it was when dbt began, which `footfall build` had filled in and a
        plain `dbt build` had not.

        Raises:
            SettingsError: when FOOTFALL_HOME is no folder that DuckDB can read patterns of files from, or a setting
                is not legal.
        """
        settings()
        skipping.install()
        home = Path(plugin_config["home"]).resolve()
        ensure_landing(home)
        self.added = missing_variables(home, project_dir())
        environment: dict[str, str] = get_invocation_context().env  # type: ignore[assignment]
        environment.update(self.added)

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Let the models read ids, times and numbers as the loader does, and know the code behind them."""
        install_macros(conn)
        project = Path(get_flags().PROJECT_DIR)  # type: ignore[no-untyped-call]
        conn.create_function("configured", configured, [VARCHAR, VARCHAR, VARCHAR], VARCHAR)
        conn.create_function("refusal_of", refusal_of, [VARCHAR], VARCHAR)
        conn.create_function("checked_settings", lambda: list(CHECKED), [], duckdb.list_type(VARCHAR))
        conn.create_function("logic_of", lambda code: logic_of(code, project), [VARCHAR], VARCHAR)
        # the profile was read before the home was known
        if limit := self.added.get("FOOTFALL_MEMORY_LIMIT"):
            conn.execute(f"set memory_limit = '{limit}'")
