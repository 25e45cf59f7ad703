"""One file per format: how its rows are read, and their projection onto the envelope."""
