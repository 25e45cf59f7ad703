"""Whether landed batches look sane, by Great Expectations."""
