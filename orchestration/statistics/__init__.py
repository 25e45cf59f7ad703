"""Statistics that models in Python need: fits and predictions, free of dbt, files and clocks.

They live beside what runs the build, because only the build computes them; readers find the results published.
"""
