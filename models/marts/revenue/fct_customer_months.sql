{{ config(materialized='view') }}

with

customer_months as (
    select * exclude (as_of_clock)
    from {{ ref('int_customer_months') }}
    where as_of_clock = app
)

select * from customer_months
