with

charging_sessions as (select * from {{ ref('int_charging_sessions') }})

select * from charging_sessions
