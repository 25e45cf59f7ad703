-- A failing row is an app of whose landed events more than the setting `max_conflicting_share` are copies of an event id with other content than the
-- copy that was kept: its sender numbers two things alike, and of each two one is not in the marts. A warning: which is meant, its sender knows.
{{ config(severity='warn') }}

select
    app,
    events,
    conflicting_copies,
    conflicting_share

from {{ ref('fct_app_copies') }}

where conflicting_share > {{ setting('max_conflicting_share') }}
