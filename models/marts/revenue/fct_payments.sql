{{ config(materialized='view') }}

with

payments as (select * exclude (payment_number, source_hash) from {{ ref('int_payments') }})

select * from payments
