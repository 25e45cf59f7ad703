{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

events as (
    select * from {{ ref('stg_events') }}
    where
        event_name in ('page_not_found', 'site_search', 'products_searched', 'outbound_link', 'download')
        and {{ is_counted() }}
        and {{ is_of_touched_days() }}
),

told as (
    select
        *,
        json_extract_string(
            properties, ['$.search_term', '$.query', '$.term', '$.keyword', '$.url', '$.link_url', '$.href', '$.file_name', '$.path']
        ) as texts
    from events
),

actions as (
    select
        app,
        event_date,
        {{ local_date('occurred_at') }} as activity_date,
        case event_name
            when 'page_not_found' then 'not_found' when 'outbound_link' then 'outbound_link' when 'download' then 'download' else 'search'
        end as action,
        -- people write one search in many ways; what leads elsewhere, or was not there, is told apart by its address alone
        case action
            when 'search' then lower(trim(coalesce(texts[1], texts[2], texts[3], texts[4])))
            when 'not_found' then page_name(coalesce(page_url, texts[5], texts[9]), {{ kept_parameters() }})
            else page_name(coalesce(texts[5], texts[6], texts[7], texts[8], texts[9]), {{ kept_parameters() }})
        end as target
    from told
),

web_action_days as (
    select
        app,
        event_date,
        activity_date,
        action,
        coalesce(nullif(target, ''), 'unknown') as target,
        count(*) as events
    from actions
    group by all
)

select * from web_action_days
{{ replaced_rows(is_of_touched_days()) }}
