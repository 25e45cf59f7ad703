"""What the moments of experiments say: intervals, tests, corrections, and whether the split was kept."""


def model(dbt, session):
    """One row per experiment, metric and variant, typed also where there are none."""
    dbt.config(materialized="table")
    # imported here, so that reading the project does not cost it
    from fits.experiment_results import results

    return results(dbt.ref("int_experiment_moments").to_arrow_table())
