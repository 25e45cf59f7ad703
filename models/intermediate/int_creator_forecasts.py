"""Exponential smoothing for each creator: what the next months will bring."""


def model(dbt, session):
    """One row per creator and coming month, typed also where there are none."""
    dbt.config(materialized="table")
    # imported here, so that reading the project does not cost it
    from fits.forecast import forecast_creators

    months = dbt.ref("int_content_periods").filter("level = 'creator' and period = 'month'")
    return forecast_creators(months.to_arrow_table())
