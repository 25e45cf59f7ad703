-- A failing row is a day on which the channels' actives do not add up to all: a person has no channel, or two.
with

active_persons as (select * from {{ ref('fct_active_persons') }}),

channel_totals as (
    select
        activity_date,
        sum(dau) as dau,
        sum(wau) as wau,
        sum(mau) as mau
    from active_persons
    where segment = 'channel'
    group by activity_date
),

totals as (
    select * from active_persons where segment = 'all'
)

select
    coalesce(totals.activity_date, channel_totals.activity_date) as activity_date,
    totals.mau as mau_of_all,
    channel_totals.mau as mau_of_channels

from totals

full join channel_totals
    on totals.activity_date = channel_totals.activity_date

where
    totals.dau is distinct from channel_totals.dau
    or totals.wau is distinct from channel_totals.wau
    or totals.mau is distinct from channel_totals.mau
