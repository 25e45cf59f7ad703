"""What Dagster shows and runs, one file for each stage."""
