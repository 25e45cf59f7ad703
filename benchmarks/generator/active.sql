-- who comes on this day; weekends are quieter
create or replace temp table active as
select *, first_day + days_to_signup <= $day as is_known
from persons
where first_day = $day
    or first_day < $day and first_day + lifetime >= $day
    and draw('active', person, $seed + $day * 1000003) < activity * case when ($day + 2) % 7 in (5, 6) then 0.75 else 1 end
