"""Which traffic a conversion is credited to."""

# ruff: noqa: S608 - every name in this SQL is ours or checked, and what a question says is bound

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, StrictStr, model_validator

from serving.ask.engines import engine, steps
from serving.ask.scope import Answerable, Scope
from serving.ask.vocabulary import AskError, Count, Question, Selector

Model = Literal["first_touch", "last_touch", "last_non_direct", "linear", "position_based", "time_decay"]
MODELS = list(get_args(Model))
DAY_US = 86_400_000_000
TOUCHES = {
    "channel": ("channel", "'Direct'"),
    "source": ("traffic_source", "'(direct)'"),
    "medium": ("traffic_medium", "'(none)'"),
    "campaign": ("utm_campaign", "null"),
    "term": ("utm_term", "null"),
    "content": ("utm_content", "null"),
    "entry_page": ("entry_page", "null"),
    "referrer": ("referrer", "null"),
}


class Attribution(Question):
    """Conversions, and their money, credited to the sessions that led to them.

    A conversion is each selected event in the range (`first_ever`: only the unit's first of all), its touches are the
    unit's visits that began in the `lookback_days` (of 24 hours) up to it, the one it happens in among them: sessions
    with a page or screen view, or that say where they came from. An order that a server sends is no visit of its own.
    `first_touch`, `last_touch`: all to the first or last; `last_non_direct`: to the last that is not Direct, or to the
    last where all are; `linear`: the same to each; `position_based`: 40 % to the first and the last and 20 % to those
    between (half each of two, all to one); `time_decay`: half as much for every `half_life_days` that a touch is older.
    A conversion without a touch is credited to Direct. Credits of a conversion sum to 1, and `amount` to the `value` of
    the conversions, which is a whole number of minor units (cents); a payment sent again is none, and `amount_cents` of
    a payment, refund or subscription is in the reporting currency, as fct_payments counts it. Shares are rounded by the
    largest remainder, the later touch first. `where` and `app` restrict the conversions, not the sessions.
    """

    credits_visits = True

    kind: Literal["attribution"]
    event: Selector
    occurrence: Literal["any", "first_ever"] = "any"
    value: StrictStr | None = None
    models: Annotated[list[Model], Field(min_length=1)] = Field(default_factory=lambda: list(MODELS))
    breakdown: Literal["channel", "source", "medium", "campaign", "term", "content", "entry_page", "referrer"] = (
        "channel"
    )
    lookback_days: Annotated[Count, Field(le=36_500)] = 30
    half_life_days: Annotated[Count, Field(le=36_500)] = 7

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.unit not in ("person", "account"):
            raise ValueError("sessions belong to persons and accounts: `unit` must be person or account")
        if len(set(self.models)) < len(self.models):
            raise ValueError("`models` names a model twice")
        return self

    def compile(self, scope: Scope) -> Answerable:
        """Return the query: `model, breakdown, conversions`, and `amount` where there is a `value`."""
        scope.needs("fct_sessions", "`kind` is attribution")
        conversions = conversion_events(scope, self.event, self.value, self.occurrence)
        if self.value:
            check_money(scope, conversions, self.value)
        column, of_direct = TOUCHES[self.breakdown]
        amount = ", coalesce(sum(amount_cents), 0)::bigint as amount" if self.value else ""
        sql = steps(
            conversions=conversions,
            touches=touches_of(scope),
            credits=engine(
                "attribution", touches="touches", conversions="conversions", models=self.models,
                lookback_us=self.lookback_days * DAY_US, half_life_us=self.half_life_days * DAY_US,
            ),
            touched="select model, touch_id, sum(credit) as credit, sum(amount_cents) as amount_cents "
            "from credits group by all",
            broken_down=f"select touched.*, case when touch_id is null then {of_direct} else {column} end as breakdown "
            "from touched left join fct_sessions on touch_id = session_id",
            last=f"select model, breakdown, sum(credit)::double as conversions{amount} from broken_down "
            f"group by model, breakdown order by list_position({self.models}, model), conversions desc, breakdown",
        )  # fmt: skip
        return Answerable(sql)


def touches_of(scope: Scope) -> str:
    """Return the select of what conversions may be credited to: the visits of the question's units."""
    unit = {"person": "person_id", "account": "account_id"}[scope.question.unit]
    return (
        f"select {unit} as unit, session_id as touch_id, epoch_us(started_at) as at_us, "
        f"channel = 'Direct' as is_direct from fct_sessions where is_visit and {unit} is not null"
    )


def conversion_events(scope: Scope, event: Selector, value: str | None, occurrence: str) -> str:
    """Return the select of the conversions in the question's range; a payment that was sent again is none."""
    columns = {
        "event_id": "(event_id, app)",
        "occurred_at": "occurred_at",
        "money": scope.number(value) if value else "null::double",
    }
    every = scope.events(columns, scope.selector(event), scope.counts_once())
    in_range = f"{scope.since(scope.question.date_from)} and {scope.until(scope.question.date_to)}"
    if occurrence == "first_ever":
        place = "row_number() over (partition by unit order by occurred_at, event_id)"
        every = f"select * from ({every}) as every_conversion qualify {place} = 1"
    return (
        "select unit, hash(occurred_at, event_id) as conversion_id, epoch_us(occurred_at) as at_us, money, "
        f"money::bigint as amount_cents from ({every}) as conversions where {in_range}"
    )


def check_money(scope: Scope, conversions: str, value: str) -> None:
    """Raise AskError where a conversion's value is no whole number of minor units."""
    found = scope.connection.execute(
        f"select money from ({conversions}) as conversions where money <> round(money) limit 1", scope.parameters
    ).fetchone()
    if found:
        raise AskError(
            f"`value` is {value!r}, and a conversion has {found[0]} there: money is credited in whole minor "
            "units, such as cents. Name a property that holds them."
        )
