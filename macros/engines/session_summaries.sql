{#- What sessions add up to. A ratio over no sessions is null. -#}
{%- macro session_summary(sessions, periods, by=[]) %}
    with sessions_and_spine as (

        select {{ columns_before(by) }}period_start, duration_seconds, is_bounce, 1 as sessions from {{ sessions }}
        union all
        select {{ columns_before(by) }}period_start, null, null, 0 from {{ periods }}

    )

    select
        {{ columns_before(by) }}period_start,
        sum(sessions)::bigint as sessions,
        -- whole microseconds add up to the same in any order
        avg(round(duration_seconds * 1000000)::bigint) / 1000000 as avg_seconds,
        avg(case when is_bounce then 1.0 when not is_bounce then 0.0 end)::double as bounce_rate
    from sessions_and_spine
    group by all
{%- endmacro -%}

{%- macro session_distribution(sessions, edges) %}
    with buckets as (

        select
            unnest([{{ edges | join(', ') }}]) as bucket_from_seconds,
            unnest([{% for edge in edges[1:] %}{{ edge }}, {% endfor %}null])::double as bucket_to_seconds

    )

    select bucket_from_seconds, count(sessions.duration_seconds)::bigint as sessions
    from buckets
    left join {{ sessions }} as sessions
        on
            sessions.duration_seconds >= buckets.bucket_from_seconds
            and (buckets.bucket_to_seconds is null or sessions.duration_seconds < buckets.bucket_to_seconds)
    group by all
{%- endmacro -%}
