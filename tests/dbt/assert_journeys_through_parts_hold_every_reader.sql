-- A failing row is an item whose readers by furthest part are not all who started one, or are not its starters of all time.
with

content_parts as (select * from {{ ref('fct_content_parts') }}),

content_performance as (
    select * from {{ ref('fct_content_performance') }}
    where period = 'all'
),

part_totals as (
    select
        app,
        content_id,
        sum(furthest_readers) as readers,
        sum(case when is_last_part then finishers end) as finishers,
        sum(finishers) as finished_parts
    from content_parts
    group by app, content_id
)

select
    app,
    content_id

from content_performance

left join part_totals using (app, content_id)

where
    content_performance.starters != coalesce(part_totals.readers, 0)
    or content_performance.finishers != coalesce(part_totals.finishers, 0)
    or content_performance.finished_parts < coalesce(part_totals.finished_parts, 0)
