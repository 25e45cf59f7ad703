-- A failing row is a creator whose views, readings or reactions are not those of their items, over all time or by weeks and months.
{%- set measures = ['views', 'starters', 'finishers', 'likes', 'comments', 'shares', 'bookmarks', 'ratings'] %}

with

content_performance as (select * from {{ ref('fct_content_performance') }}),

creator_overview as (select * from {{ ref('fct_creator_overview') }}),

creator_growth as (select * from {{ ref('fct_creator_growth') }}),

item_totals as (
    select
        app,
        creator_id,
        {% for measure in measures -%}
        coalesce(sum({{ measure }}) filter (where period = 'all'), 0) as {{ measure }},
        {% endfor -%}
        coalesce(sum(likes) filter (where period = 'week'), 0) as weekly_likes,
        coalesce(sum(views) filter (where period = 'month'), 0) as monthly_views
    from content_performance
    group by app, creator_id
),

growth_totals as (
    select
        app,
        creator_id,
        sum(case period when 'week' then views end) as weekly_views,
        sum(case period when 'month' then views end) as monthly_views
    from creator_growth
    group by app, creator_id
)

select
    creator_overview.app,
    creator_overview.creator_id

from creator_overview

left join item_totals
    on creator_overview.app = item_totals.app and creator_overview.creator_id = item_totals.creator_id

left join growth_totals
    on creator_overview.app = growth_totals.app and creator_overview.creator_id = growth_totals.creator_id

where
    growth_totals.weekly_views is distinct from creator_overview.views
    or growth_totals.monthly_views is distinct from creator_overview.views
    or coalesce(item_totals.monthly_views, 0) != creator_overview.views
    or coalesce(item_totals.weekly_likes, 0) != creator_overview.likes
    {% for measure in measures -%}
    or coalesce(item_totals.{{ measure }}, 0) != creator_overview.{{ measure }}
    {% endfor %}
