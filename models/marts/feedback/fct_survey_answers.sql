with

survey_answers as (select * from {{ ref('int_survey_answers') }})

select * from survey_answers
