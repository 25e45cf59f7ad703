"""The same models on Spark: one translation of DuckDB's SQL, and what runs it."""
