-- a copy is sent again some hours later; a rival has the id of another event and other content
create or replace temp view arriving as
select *, 'event' as kind from generated
union all by name
select * replace (received_at + to_seconds(-20000 * ln(draw('again', e, 0) + 1e-12)) as received_at), 'copy' as kind
from generated where draw('copy', e, 0) < 0.01
union all by name
select * replace (received_at + interval 3 second as received_at, event_name || '_retry' as page_title), 'rival' as kind
from generated where draw('rival', e, 0) < 0.0005
