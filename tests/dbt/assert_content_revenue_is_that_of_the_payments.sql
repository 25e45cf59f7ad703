-- A failing row is an app whose items or creators, over all time, by weeks or by months, bring another sum than fct_payments has for them.
with

paid as (
    select
        app,
        sum(revenue_cents) as creator_cents,
        coalesce(sum(case when content_id is not null then revenue_cents end), 0) as item_cents
    from {{ ref('fct_payments') }}
    where content_id is not null or creator_id is not null
    group by app
),

told_sums as (
    select
        app,
        'items of ' || period as told,
        sum(revenue_cents) as cents
    from {{ ref('fct_content_performance') }}
    group by all
    union all
    select
        app,
        'creators of all' as told,
        sum(revenue_cents) as cents
    from {{ ref('fct_creator_overview') }}
    group by all
    union all
    select
        app,
        'creators of ' || period as told,
        sum(revenue_cents) as cents
    from {{ ref('fct_creator_growth') }}
    group by all
    union all
    select
        app,
        'creators of revenue months' as told,
        coalesce(sum(revenue_cents), 0) as cents
    from {{ ref('fct_creator_revenue') }}
    group by all
)

select
    app,
    told_sums.told,
    told_sums.cents

from told_sums

full join paid using (app)

where
    coalesce(told_sums.cents, 0)
    != coalesce(case when told_sums.told like 'items%' then paid.item_cents else paid.creator_cents end, 0)
