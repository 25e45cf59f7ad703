"""Published data only: how it is published, described and read. Never opens the warehouse but to publish it."""
