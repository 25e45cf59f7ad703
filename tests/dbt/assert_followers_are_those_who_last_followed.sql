-- A failing row is a creator with other followers than the persons whose last word on them is a follow.
with

content_actions as (
    select * from {{ ref('int_content_actions') }}
    where is_counted and event_name in ('creator_followed', 'creator_unfollowed')
),

creator_overview as (select * from {{ ref('fct_creator_overview') }}),

last_words as (
    select
        app,
        creator_id,
        person_id,
        arg_max(event_name, (occurred_at, event_id)) as last_word
    from content_actions
    group by app, creator_id, person_id
),

followers as (
    select
        app,
        creator_id,
        count(*) as followers
    from last_words
    where last_word = 'creator_followed'
    group by app, creator_id
)

select
    creator_overview.app,
    creator_overview.creator_id,
    creator_overview.followers,
    followers.followers as last_followers

from creator_overview

full join followers
    on creator_overview.app = followers.app and creator_overview.creator_id = followers.creator_id

where creator_overview.followers is distinct from coalesce(followers.followers, 0)
