"""The statistical fits and predictions that dbt's Python models import: arrays in, numbers out.

A room of its own, free of dbt, files and clocks: only the build computes it, and readers find the results published.
"""
