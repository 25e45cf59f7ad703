"""The session of Spark: how the models' SQL is to be understood, and what is left to whoever runs it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# what the numbers depend on; nobody is to set it otherwise
MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.join.asofJoin.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # with it, plans of fct_growth_accounting are refused
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.RemoveRedundantAliases",
}
# what one machine wants, where nothing else is said
DEFAULTS = {
    "spark.master": "local[2]",
    "spark.driver.memory": "2g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
    "spark.sql.codegen.maxFields": "400",
    # what is remembered of finished queries: the plans of some hundred models fill the driver
    "spark.sql.ui.retainedExecutions": "1",
    "spark.ui.retainedJobs": "10",
    "spark.ui.retainedStages": "10",
    "spark.sql.maxPlanStringLength": "10000",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}


class SparkIsMissingError(Exception):
    """Java or pyspark is not there."""


def open_session(options: dict[str, str] | None = None) -> SparkSession:
    """Start Spark, or take the session that runs.

    Args:
        options: of Spark, beside what the numbers depend on; SPARK_CONF_DIR and spark-submit say them, too.

    Raises:
        SparkIsMissingError: when pyspark or Java is missing, with what to install.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise SparkIsMissingError("There is no pyspark. Run `pip install 'footfall[spark]'`.") from None
    # workers are other processes, and import this package
    here = str(Path(__file__).parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("footfall")
    # who has a configuration of Spark's says the rest there
    chosen = {} if os.environ.get("SPARK_CONF_DIR") else DEFAULTS
    for name, value in {**chosen, **(options or {}), **MEANING}.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except (PySparkException, RuntimeError) as error:
        raise SparkIsMissingError(f"Spark does not start; it needs Java 17 or newer. {error}") from error
