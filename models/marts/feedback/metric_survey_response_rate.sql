{{ config(meta={'card': {
    'title': 'Survey response rate',
    'definition':
        'Of those who were sent a survey (nps, csat or ces) in the month, the share who answered it within survey_response_days '
        '(30 unless set); null where nobody was asked.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

surveys as (
    select * from {{ ref('fct_nps') }}
    union all by name
    select * from {{ ref('fct_csat') }}
    union all by name
    select * from {{ ref('fct_ces') }}
),

survey_response_rate as (
    select
        period,
        period_start,
        segment,
        segment_value,
        sum(answered) / nullif(sum(asked), 0) as metric_value,
        bool_and(is_response_complete) as is_complete
    from surveys
    where period = 'month'
    group by all
)

select * from survey_response_rate
