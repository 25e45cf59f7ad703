-- A failing row is a session that begins within one timeout of the one before it on the same stream, or before that one ends: they
-- are one session. Looked at on the days that unproven batches name and the days around them.
with

sessions as (
    select * from {{ ref('int_sessions') }}
    where
        client_session_id is null
        and {{ is_of_unproven_days('session_date', around=1) }}
),

sessions_with_previous as (
    select
        session_id,
        stream_id,
        started_at,
        chain_started_at,
        lag(ended_at) over stream_sessions as previous_ended_at,
        lag(chain_ended_at) over stream_sessions as previous_chain_ended_at,
        lag(chain_started_at) over stream_sessions as previous_chain_started_at
    from sessions
    window stream_sessions as (partition by stream_id order by started_at)
)

select * from sessions_with_previous

where
    started_at <= previous_ended_at
    -- sessions of one chain are cut by `session_max_hours`, not by a gap
    or (
        chain_started_at != previous_chain_started_at
        and epoch_us(started_at) - epoch_us(previous_chain_ended_at) <= {{ setting('session_timeout_seconds') }} * 1000000::bigint
    )
