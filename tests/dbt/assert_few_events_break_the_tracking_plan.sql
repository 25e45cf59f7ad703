-- A failing row is an event name of an app of whose events more than the setting `max_unplanned_share` break the seed tracking_plan. The events
-- are kept and counted; fct_tracked_properties says which property. A warning: the sender, or the plan, is to be mended.
{{ config(severity='warn') }}

select
    app,
    event_name,
    events,
    broken_events,
    broken_share
from {{ ref('fct_tracked_events') }}
where broken_share > {{ setting('max_unplanned_share') }}
