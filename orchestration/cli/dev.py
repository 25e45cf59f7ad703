"""`footfall dev`: Dagster's web page for one home."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

# in-process runs on one file: two at a time would only wait for one another
INSTANCE = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    default_limit: 1
    granularity: run
  runs:
    max_concurrent_runs: 1
"""


def dev(
    port: Annotated[int, typer.Option(help="Where the page opens.")] = 3000,
) -> None:
    """Open Dagster on http://127.0.0.1:3000, with its state inside the home; Ctrl-C ends it."""
    from ingest.settings import REPOSITORY
    from orchestration.settings import home, project_dir

    folder = prepare_instance(home())
    print(f"Dagster opens on http://127.0.0.1:{port}; its state is in {folder}. Ctrl-C ends it.", flush=True)
    os.environ.update(DAGSTER_HOME=str(folder), VIRTUAL_ENV=sys.prefix, FOOTFALL_PROJECT_DIR=str(project_dir()))
    os.chdir(REPOSITORY)
    command = Path(sys.executable).parent / "dg"
    os.execv(command, [str(command), "dev", "--host", "127.0.0.1", "--port", str(port)])


def prepare_instance(home: Path) -> Path:
    """Write the settings of a home's Dagster instance where they are missing; return its folder."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "dagster.yaml").exists():
        (folder / "dagster.yaml").write_text(INSTANCE)
    return folder
