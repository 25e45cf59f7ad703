"""BG/NBD and Gamma-Gamma for each app: what its customers will buy and spend."""


def model(dbt, session):
    """One row per customer history with its prediction, typed also where there are none."""
    dbt.config(materialized="table")
    # imported here, so that reading the project does not cost it
    from fits.customer_predictions import predict

    known = session.execute(
        "select 1 from duckdb_tables() where (database_name, schema_name, table_name) = (?, ?, ?)",
        [dbt.this.database, dbt.this.schema, dbt.this.identifier],
    ).fetchall()
    before = session.table(str(dbt.this)).to_arrow_table() if known else None
    return predict(dbt.ref("int_customer_histories").to_arrow_table(), before)
