-- A failing row is an app whose items or creators, over all time, by weeks or by months, bring another sum than fct_payments has for them.
with

payments as (select * from {{ ref('fct_payments') }}),

content_performance as (select * from {{ ref('fct_content_performance') }}),

creator_overview as (select * from {{ ref('fct_creator_overview') }}),

creator_growth as (select * from {{ ref('fct_creator_growth') }}),

creator_revenue as (select * from {{ ref('fct_creator_revenue') }}),

paid as (
    select
        app,
        sum(revenue_cents) as creator_cents,
        coalesce(sum(case when content_id is not null then revenue_cents end), 0) as item_cents
    from payments
    where content_id is not null or creator_id is not null
    group by app
),

told_sums as (
    select
        app,
        'item_cents of ' || period as told,
        sum(revenue_cents) as cents
    from content_performance
    group by app, period
    union all
    select
        app,
        'creator_cents of all' as told,
        sum(revenue_cents) as cents
    from creator_overview
    group by app
    union all
    select
        app,
        'creator_cents of ' || period as told,
        sum(revenue_cents) as cents
    from creator_growth
    group by app, period
    union all
    select
        app,
        'creator_cents of revenue months' as told,
        coalesce(sum(revenue_cents), 0) as cents
    from creator_revenue
    group by app
)

select told_sums.*

from told_sums

left join paid
    on told_sums.app = paid.app

where told_sums.cents != coalesce(case when told_sums.told like 'item%' then paid.item_cents else paid.creator_cents end, 0)

union all

-- money of an app without any creator at all
select
    paid.app,
    'nothing' as told,
    0 as cents

from paid

anti join told_sums
    on paid.app = told_sums.app

where paid.creator_cents != 0
