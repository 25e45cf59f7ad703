-- A failing row is a calendar day whose day before is missing, or one that does not lie in its own week, month, quarter and year.
with

dates as (
    select
        *,
        lag(date_day) over (order by date_day) as previous_date
    from {{ ref('dim_dates') }}
)

select * from dates

where
    previous_date != date_day - 1
    or not date_day between week_start_date and week_start_date + 6
    or month_start_date != make_date(year(date_day), month(date_day), 1)
    or not month_start_date >= quarter_start_date
    or not quarter_start_date >= year_start_date
    or isodow(week_start_date) != {{ 1 if setting('week_start') == 'monday' else 7 }}
    or (is_in_data and not is_complete and date_day != (select max(activity_date) from {{ ref('int_app_days') }}))
