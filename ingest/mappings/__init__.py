"""Mappings of published data sets, each usable by its name."""
