-- A failing row is a canonical event name whose spellings in the catalog are not all activity, page view, interaction, passive, merge, or the same
-- money event or operation or survey event.
select
    canonical_name,
    count(*) as spellings

from {{ ref('event_catalog') }}

group by canonical_name

having
    count(distinct row(is_activity, is_page_view, is_interaction, is_passive, is_merge, money_event, operation, survey_event)) > 1
