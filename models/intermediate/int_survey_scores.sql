with

survey_days as (select * from {{ ref('int_survey_days') }}),

-- every day counts in its month and in its wave
counted_days as (
    select
        * exclude (wave, day, period, period_start, period_end, period_number),
        unnest([period_start, null]) as period_start,
        unnest([null, wave]) as wave
    from survey_days
    inner join {{ ref('int_period_days') }} using (day)
    where period = 'month'
),

counts as (
    select
        survey,
        segment,
        segment_value,
        clock,
        period_start,
        wave,
        cast(sum(columns(* exclude (survey, segment, segment_value, clock, period_start, wave))) as bigint)
    from counted_days
    group by all
),

segments as (
    select
        survey,
        segment,
        segment_value,
        clock,
        min(day) as first_day
    from survey_days
    group by all
),

-- a silent month is a zero and not a hole
months as (
    select
        segments.survey,
        segments.segment,
        segments.segment_value,
        periods.period,
        periods.period_start,
        periods.period_end,
        periods.known_until
    from segments
    inner join {{ ref('int_clock_periods') }} as periods using (clock)
    where periods.period = 'month' and periods.period_end > segments.first_day
),

-- a wave is its app's; under the other segments, the waves of one name share a row
waves as (
    select
        survey,
        wave,
        clock,
        'wave' as period,
        min(day) as period_start,
        coalesce(max(case when asked > 0 then day end), max(day)) + 1 as period_end
    from survey_days
    where segment in ('all', 'app')
    group by all
),

scored_periods as (
    select
        months.*,
        counts.* exclude (survey, segment, segment_value, clock, period_start)
    from months
    left join counts using (survey, segment, segment_value, period_start)
    union all by name
    select
        waves.*,
        clocks.known_until,
        counts.* exclude (survey, clock, wave, period_start)
    from counts
    inner join waves using (survey, wave, clock)
    inner join {{ ref('int_data_clocks') }} as clocks
        on waves.clock = coalesce(clocks.app, '')
),

survey_scores as (
    select
        survey,
        period,
        wave,
        period_start,
        segment,
        segment_value,
        answered / nullif(asked, 0) as response_rate,
        coalesce(columns(scored_periods.* exclude (
            survey, period, wave, period_start, period_end, segment, segment_value, clock, known_until
        )), 0),
        -- who was asked in a month may still answer for it
        period_end + to_days(case when period = 'wave' or asked > 0 then {{ setting('survey_response_days') }} else 0 end)
        <= known_until as is_complete,
        period_end + to_days({{ setting('survey_response_days') }}) <= known_until as is_response_complete
    from scored_periods
)

select * from survey_scores
