with

survey_answers as (
    select * from {{ ref('int_survey_answers') }}
    where outcome != 'unknown_survey'
),

person_origins as (select * from {{ ref('int_person_origins') }}),

person_segments as (select * from {{ ref('int_person_segments') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

calendar as (
    {{ calendar_of('clocks') }}
),

-- who was asked and who answered stand in the same segments, so that a response rate compares like with like
participants as (
    select
        survey_answers.*,
        coalesce(person_origins.country, 'unknown') as country,
        coalesce(person_origins.device_type, 'unknown') as device_type,
        coalesce(person_origins.channel, 'Unassigned') as channel,
        coalesce(person_segments.segment, 'unknown') as person_segment
    from survey_answers
    left join person_origins
        on survey_answers.person_id = person_origins.person_id
    left join person_segments
        on
            survey_answers.person_id = person_segments.person_id
            and coalesce(survey_answers.asked_date, survey_answers.answered_date) >= person_segments.valid_from_date
            and coalesce(survey_answers.asked_date, survey_answers.answered_date) <= coalesce(person_segments.valid_to_date, date '9999-12-31')
),

segment_participants as (
    select
        unnest(
            {{ standard_segments({
                'app': 'app', 'country': 'country', 'device_type': 'device_type', 'channel': 'channel', 'person_segment': 'person_segment',
            }) }},
            recursive := true
        ),
        *
    from participants
),

-- an asking counts on its day, an answer on its own or, without a wave, on that of the asking
entries as (
    select
        survey,
        wave,
        segment,
        segment_value,
        asked_date as day,
        true as is_asking,
        is_answered_in_time,
        false as is_unasked,
        false as is_unusable,
        null as score
    from segment_participants
    where is_asked
    union all
    select
        survey,
        wave,
        segment,
        segment_value,
        counted_date as day,
        false as is_asking,
        false as is_answered_in_time,
        not is_asked and outcome = 'counted' as is_unasked,
        outcome != 'counted' as is_unusable,
        case when outcome = 'counted' then score end as score
    from segment_participants
    where answers > 0
),

-- a wave is its app's; under the other segments, the waves of one name share a row
waves as (
    select
        survey,
        wave,
        case when segment = 'app' then segment_value end as app,
        min(day) as first_day,
        coalesce(max(case when is_asking then day end), max(day)) as last_day
    from entries
    where segment in ('all', 'app')
    group by survey, wave, case when segment = 'app' then segment_value end
),

segment_spans as (
    select
        survey,
        segment,
        segment_value,
        min(day) as first_day
    from entries
    group by survey, segment, segment_value
),

-- a silent month is a zero and not a hole; a wave has a row where somebody was asked or answered
segment_periods as (
    select
        segment_spans.* exclude (first_day),
        'month' as period,
        null as wave,
        calendar.period_start,
        calendar.next_period_start
    from segment_spans
    inner join calendar
        on calendar.period = 'month' and calendar.next_period_start > segment_spans.first_day
    union all
    select distinct
        entries.survey,
        entries.segment,
        entries.segment_value,
        'wave' as period,
        entries.wave,
        waves.first_day as period_start,
        waves.last_day + 1 as next_period_start
    from entries
    inner join waves
        on
            entries.survey = waves.survey
            and entries.wave = waves.wave
            and waves.app is not distinct from case when entries.segment = 'app' then entries.segment_value end
),

entries_in_periods as (
    select
        'month' as period,
        cast(date_trunc('month', day) as date) as period_start,
        * replace (null as wave)
    from entries
    union all
    select
        'wave' as period,
        null as period_start,
        *
    from entries
),

counts as (
    select
        survey,
        segment,
        segment_value,
        period,
        wave,
        period_start,
        count(case when is_asking then 1 end) as asked,
        count(case when is_answered_in_time then 1 end) as answered,
        count(score) as answers,
        count(case when is_unasked then 1 end) as unasked_answers,
        count(case when is_unusable then 1 end) as unusable_answers,
        cast(coalesce(sum(score), 0) as bigint) as score_sum,
        cast(coalesce(sum(score * score), 0) as bigint) as score_square_sum,
        count(case when score >= 9 then 1 end) as nines_and_up,
        count(case when score <= 6 then 1 end) as sixes_and_down,
        count(case when score >= 4 then 1 end) as fours_and_up
    from entries_in_periods
    group by survey, segment, segment_value, period, wave, period_start
),

survey_scores as (
    select
        segment_periods.survey,
        segment_periods.period,
        segment_periods.wave,
        segment_periods.period_start,
        segment_periods.segment,
        segment_periods.segment_value,
        coalesce(counts.asked, 0) as asked,
        coalesce(counts.answered, 0) as answered,
        counts.answered / nullif(counts.asked, 0) as response_rate,
        coalesce(counts.answers, 0) as answers,
        coalesce(counts.unasked_answers, 0) as unasked_answers,
        coalesce(counts.unusable_answers, 0) as unusable_answers,
        coalesce(counts.score_sum, 0) as score_sum,
        coalesce(counts.score_square_sum, 0) as score_square_sum,
        coalesce(counts.nines_and_up, 0) as nines_and_up,
        coalesce(counts.sixes_and_down, 0) as sixes_and_down,
        coalesce(counts.fours_and_up, 0) as fours_and_up,
        segment_periods.next_period_start
        -- who was asked in a month may still answer for it
        + case when segment_periods.period = 'wave' or counts.asked > 0 then to_days({{ setting('survey_response_days') }}) else to_days(0) end
        <= clocks.known_until as is_complete,
        segment_periods.next_period_start + to_days({{ setting('survey_response_days') }}) <= clocks.known_until as is_response_complete
    from segment_periods
    inner join clocks
        on clocks.app is not distinct from case when segment_periods.segment = 'app' then segment_periods.segment_value end
    left join counts
        on
            segment_periods.survey = counts.survey
            and segment_periods.segment = counts.segment
            and segment_periods.segment_value = counts.segment_value
            and segment_periods.period = counts.period
            and segment_periods.wave is not distinct from counts.wave
            and (segment_periods.period = 'wave' or segment_periods.period_start = counts.period_start)
    where segment_periods.period_start <= clocks.last_date
)

select * from survey_scores
