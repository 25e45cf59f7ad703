{{ config(materialized='view') }}

with

subscription_months as (
    select * exclude (as_of_clock)
    from {{ ref('int_subscription_months') }}
    where as_of_clock = app
)

select * from subscription_months
