{#- The headline numbers of a site. -#}
{%- macro web_overview(events, sessions, periods, by=[]) %}
    with visits as (

        select
            {{ columns_before(by) }}period_start,
            case when is_activity then unit end as visitor,
            page_views
        from {{ events }}
        union all
        select {{ columns_before(by) }}period_start, null, 0 from {{ periods }}

    ),

    visit_counts as (

        select
            {{ columns_before(by) }}period_start,
            count(distinct visitor)::bigint as visitors,
            sum(page_views)::bigint as views
        from visits
        group by all

    ),

    session_counts as (
        {{ session_summary(sessions, periods, by) }}
    )

    select
        {% for column in by %}visit_counts.{{ column }}, {% endfor %}
        visit_counts.period_start,
        visit_counts.visitors,
        visit_counts.views,
        session_counts.sessions,
        session_counts.avg_seconds as avg_session_seconds,
        session_counts.bounce_rate
    from visit_counts
    inner join session_counts
        on
            visit_counts.period_start = session_counts.period_start
            {%- for column in by %}
            and visit_counts.{{ column }} is not distinct from session_counts.{{ column }}
            {%- endfor %}
{%- endmacro -%}
