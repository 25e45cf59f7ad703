-- A failing row is a row of the seed tracking_plan that no event can keep as it is meant: it names an event by a spelling that is reported by
-- another name, or gives a property another type than the seed property_catalog, by which it is read.
select
    tracking_plan.event_name,
    tracking_plan.property,
    tracking_plan.type,
    event_catalog.canonical_name as name_to_write,
    property_catalog.type as type_to_write
from {{ ref('tracking_plan') }} as tracking_plan
left join {{ ref('event_catalog') }} as event_catalog
    on tracking_plan.event_name = event_catalog.event_name and event_catalog.event_name != event_catalog.canonical_name
left join {{ ref('property_catalog') }} as property_catalog
    on tracking_plan.property = property_catalog.property and tracking_plan.type != property_catalog.type
where event_catalog.event_name is not null or property_catalog.property is not null
