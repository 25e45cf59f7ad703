"""Which traffic led to conversions, visit by visit."""

# ruff: noqa: S608 - every name in this SQL is ours or checked, and what a question says is bound

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictStr, model_validator

from serving.ask.engines import engine, steps
from serving.ask.kinds.attribution import DAY_US, check_money, conversion_events, touches_of
from serving.ask.scope import Answerable, Scope
from serving.ask.vocabulary import Count, Question, Selector

BREAKDOWNS = {"channel": ("channel", "'Direct'"), "source": ("traffic_source", "'(direct)'")}


class ConversionPaths(Question):
    """Conversions by the channels of the visits that led to them, in their order: `Email > Direct`.

    Conversions, their `value` and their visits are those of a question of the kind attribution: each selected event in
    the range (`first_ever`: only the unit's first of all) with the unit's visits that began in the `lookback_days` (of
    24 hours) up to it; one without a visit is `Direct`. `collapse_repeats` names each run of a channel once.
    `breakdown`: channels or sources. `avg_touches` and `avg_seconds` are the mean number of visits of the conversions,
    and the mean time from the first of these to the conversion. With `not_converted`, units that have visits in the
    range, in any app, and no conversion in it count in a column of that name, by the visits in the look-back up to
    their last one in the range. The `top` paths are listed.
    """

    credits_visits = True

    kind: Literal["conversion_paths"]
    event: Selector
    occurrence: Literal["any", "first_ever"] = "any"
    value: StrictStr | None = None
    breakdown: Literal["channel", "source"] = "channel"
    lookback_days: Annotated[Count, Field(le=36_500)] = 30
    collapse_repeats: StrictBool = True
    not_converted: StrictBool = False
    top: Annotated[Count, Field(le=100_000)] = 100

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.unit not in ("person", "account"):
            raise ValueError("sessions belong to persons and accounts: `unit` must be person or account")
        return self

    def compile(self, scope: Scope) -> Answerable:
        """Return the query: `path, avg_touches, conversions`, what else is asked, `avg_seconds`."""
        scope.needs("fct_sessions", "`kind` is conversion_paths")
        conversions = conversion_events(scope, self.event, self.value, self.occurrence)
        if self.value:
            check_money(scope, conversions, self.value)
        column, of_direct = BREAKDOWNS[self.breakdown]
        is_shown = "place = 1 or channels[place - 1] != channel" if self.collapse_repeats else "true"
        path = f"array_to_string(list_filter(channels, lambda channel, place: {is_shown}), ' > ')"
        in_range = f"{scope.since(self.date_from)} and {scope.until(self.date_to)}"
        amount = ", coalesce(sum(amount_cents), 0)::bigint as amount" if self.value else ""
        beside = ", count(case when not is_conversion then 1 end) as not_converted" if self.not_converted else ""
        others = (
            " union all select unit, hash(unit, 'not converted'), max(at_us), null, null::bigint, false "
            f"from (select *, make_timestamp(at_us) as occurred_at from touches) as own_touches where {in_range} "
            "and unit not in (select unit from conversions) group by unit"
        )
        sql = steps(
            conversions=conversions,
            touches=touches_of(scope),
            ends="select unit, conversion_id, at_us, money, amount_cents, true as is_conversion from conversions"
            + (others if self.not_converted else ""),
            # the linear model credits every visit in the look-back
            credits=engine(
                "attribution",
                touches="touches",
                conversions="ends",
                models=["linear"],
                lookback_us=self.lookback_days * DAY_US,
            ),
            paths="select conversion_id, count(touch_id) as touches, "
            f"list(case when touch_id is null then {of_direct} else {column} end order by started_at, touch_id) "
            "as channels, min(started_at) as first_at "
            "from credits left join fct_sessions on touch_id = session_id group by all",
            ended="select ends.*, paths.touches, channels, at_us - epoch_us(first_at) as us "
            "from ends join paths using (conversion_id)",
            last=f"select {path} as path, avg(case when is_conversion then touches end) as avg_touches, "
            f"count(case when is_conversion then 1 end) as conversions{beside}{amount}, "
            "avg(case when is_conversion then us end) / 1000000 as avg_seconds from ended group by path "
            f"order by conversions desc{', not_converted desc' if beside else ''}, path limit {self.top}",
        )
        return Answerable(sql)
