with

gaps as (
    select
        segment,
        segment_value,
        activity_date as day,
        previous_activity_date as previous_day,
        persons as units
    from {{ ref('int_active_gaps') }}
),

dates as (select * from {{ ref('dim_dates') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

segments as (
    select
        segment,
        segment_value,
        min(day) as first_day
    from gaps
    group by segment, segment_value
),

periods as (
    select distinct
        segments.segment,
        segments.segment_value,
        dates.date_day,
        dates.week_start_date,
        dates.month_start_date
    from segments
    left join clocks
        on segments.segment = 'app' and segments.segment_value = clocks.app
    inner join dates
        on
            dates.date_day >= segments.first_day
            and dates.date_day <= coalesce(clocks.last_date, dates.date_day)
            and dates.is_in_data
),

{% for period, column in [('day', 'date_day'), ('week', 'week_start_date'), ('month', 'month_start_date')] %}
{{ period }}_periods as (
    select distinct
        segment,
        segment_value,
        {{ column }} as period_start
    from periods
),

{{ period }}_lifecycle as (
    {{ lifecycle('gaps', period ~ '_periods', period, setting('week_start'), ['segment', 'segment_value']) | indent(4) }}
),

{{ period }}_ends as (
    select
        {{ column }} as period_start,
        max(date_day) as last_day,
        bool_and(is_complete) as is_complete
    from dates
    group by {{ column }}
),
{% endfor %}

lifecycles as (
    {% for period in ['day', 'week', 'month'] %}
    select
        '{{ period }}' as period,
        {{ period }}_lifecycle.*,
        -- of an app by its own clock
        case when clocks.app is null then {{ period }}_ends.is_complete else {{ period }}_ends.last_day < clocks.last_date end as is_complete
    from {{ period }}_lifecycle
    inner join {{ period }}_ends
        on {{ period }}_lifecycle.period_start = {{ period }}_ends.period_start
    left join clocks
        on {{ period }}_lifecycle.segment = 'app' and {{ period }}_lifecycle.segment_value = clocks.app
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

growth_accounting as (
    select
        period,
        period_start,
        segment,
        segment_value,
        active_units as active_persons,
        new_units as new_persons,
        returning_units as returning_persons,
        resurrected_units as resurrected_persons,
        dormant_units as dormant_persons,
        dormant_units / nullif(
            lag(active_units) over (partition by period, segment, segment_value order by period_start), 0
        ) as churn_rate,
        (new_units + resurrected_units) / nullif(dormant_units, 0) as quick_ratio,
        (returning_units + resurrected_units) / nullif(active_units, 0) as return_rate,
        is_complete
    from lifecycles
)

select * from growth_accounting
