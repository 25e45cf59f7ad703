"""How runs work: one process, and the dbt that stands beside this Python, on the bundled project and profile."""

import sys
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource

from orchestration.settings import project_dir


@dg.definitions
def resources() -> dg.Definitions:
    """The dbt resource, and the executor that keeps all steps in one process, since one process may write in DuckDB."""
    dbt = DbtCliResource(
        project_dir=str(project_dir()),
        profiles_dir=str(project_dir() / "profiles"),
        dbt_executable=str(Path(sys.executable).parent / "dbt"),
    )
    return dg.Definitions(resources={"dbt": dbt}, executor=dg.in_process_executor)
