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

dates as (

    select * from {{ ref('dim_dates') }}

),

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

    inner join dates
        on dates.date_day >= segments.first_day and dates.is_in_data

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
        {{ period }}_ends.is_complete

    from {{ period }}_lifecycle

    inner join {{ period }}_ends
        on {{ period }}_lifecycle.period_start = {{ period }}_ends.period_start

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
