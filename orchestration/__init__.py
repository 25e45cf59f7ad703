"""When and in what order things run: the command line, Dagster, and the steps that both share."""
