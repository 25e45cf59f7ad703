-- A failing row is a web mart and day whose sessions are not those that began on it, of bots only where they count.
with

sessions as (
    select
        session_date,
        count(*) as sessions,
        count(entry_page) as entries
    from {{ ref('int_sessions') }}
    where {{ is_counted() }}
    group by session_date
),

shown as (
    select
        'fct_web_overview' as mart,
        period_start as session_date,
        sessions
    from {{ ref('fct_web_overview') }}
    where period = 'day' and segment = 'all'
    union all
    select
        'fct_web_traffic' as mart,
        session_date,
        sum(sessions) as sessions
    from {{ ref('fct_web_traffic') }}
    group by session_date
    union all
    select
        'fct_web_pages' as mart,
        activity_date as session_date,
        sum(entries) as sessions
    from {{ ref('fct_web_pages') }}
    group by activity_date
)

select
    shown.*,
    sessions.sessions as sessions_there

from shown

left join sessions
    on shown.session_date = sessions.session_date

where shown.sessions != coalesce(case when shown.mart = 'fct_web_pages' then sessions.entries else sessions.sessions end, 0)
