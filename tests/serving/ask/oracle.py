"""The meaning of each question in plain Python, by brute force and with zoneinfo: no SQL, no engine, nothing shared."""

# ruff: noqa: B023, E501 - the functions are called before the loop goes on

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


def local(moment, zone):
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def as_number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def as_text(value):
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def equals(value, asked):
    if asked is None or value is None:
        return asked is value
    if isinstance(asked, bool | str):
        return as_text(value) == as_text(asked)
    return as_number(as_text(value)) == asked


def compares(value, asked, operator):
    sides = (as_number(as_text(value)), as_number(as_text(asked)))
    if sides[1] is None:
        sides = (as_text(value), asked)
    if sides[0] is None:
        return False
    signs = {
        "gt": sides[0] > sides[1],
        "gte": sides[0] >= sides[1],
        "lt": sides[0] < sides[1],
        "lte": sides[0] <= sides[1],
    }
    return signs[operator]


def holds(value, test):
    if isinstance(test, list):
        test = {"in": test}
    if not isinstance(test, dict):
        test = {"eq": test}
    return all(fulfils_one(value, operator, asked) for operator, asked in test.items())


def fulfils_one(value, operator, asked):
    text = as_text(value)
    if operator == "is_set":
        return (value is not None) == asked
    if operator in ("eq", "ne"):
        return equals(value, asked) == (operator == "eq")
    if operator in ("in", "not_in"):
        return any(equals(value, one) for one in asked) == (operator == "in")
    if operator in ("contains", "not_contains"):
        return (text is not None and asked.lower() in text.lower()) == (operator == "contains")
    if operator == "regex":
        return text is not None and re.search(asked, text) is not None
    return compares(value, asked, operator)


def fulfils(row, where):
    return all(holds((row.get("properties") or {}).get(key), test) for key, test in (where or {}).items())


def selected(row, selector):
    if selector is None:
        return row.get("is_activity", True)
    name = selector.get("event_name")
    return (name is None or row["event_name"] == name) and fulfils(row, selector.get("where"))


def value_of(row, keys):
    """What a row has for a key; for several keys, the text of their values together, and none where it has none."""
    properties = row.get("properties") or {}
    if not isinstance(keys, list):
        return as_text(properties.get(keys))
    values = [as_text(properties.get(key)) for key in keys]
    if all(value is None for value in values):
        return None
    is_odd = [value is not None and (value == "null" or value[:1] == '"' or " · " in value) for value in values]
    written = [
        json.dumps(value, ensure_ascii=False) if odd else value or "" for value, odd in zip(values, is_odd, strict=True)
    ]
    return " · ".join("null" if value is None else text for value, text in zip(values, written, strict=True))


def unit_of(row, unit):
    if unit == "person":
        return row.get("user_id") or row.get("anonymous_id")
    if unit.startswith("properties."):
        return as_text((row.get("properties") or {}).get(unit.removeprefix("properties.")))
    return row.get(f"{unit}_id")


class Asked:
    """A question with its defaults, and the events that it is about."""

    def __init__(self, rows, question):
        self.question = question
        self.all_rows = rows
        self.zone = question.get("timezone", "UTC")
        self.week_start = question.get("week_start", "monday")
        self.unit = question.get("unit", "person")
        times = [local(row["occurred_at"], self.zone) for row in rows]
        self.first = self._bound("date_from", min(times), time.min)
        self.last = self._bound("date_to", max(times), time.max)
        self.rows = [
            row
            for row in rows
            if unit_of(row, self.unit) is not None
            and fulfils(row, question.get("where"))
            and self.local(row) <= self.last
        ]

    def _bound(self, key, default, clock):
        asked = self.question.get(key)
        if asked is None:
            return default
        return datetime.combine(date.fromisoformat(asked), clock) if len(asked) == 10 else datetime.fromisoformat(asked)

    def local(self, row):
        return local(row["occurred_at"], self.zone)

    def units(self, is_counted):
        return {
            unit_of(row, self.unit)
            for row in self.rows
            if selected(row, self.question.get("event")) and is_counted(row)
        }

    def start(self, moment, period):
        day = moment.date() if isinstance(moment, datetime) else moment
        if period == "week":
            return day - DAY * ((day.weekday() + (self.week_start == "sunday")) % 7)
        return day.replace(day=1) if period == "month" else day

    def periods(self, period):
        """Every (key, label) of the range, in order; an hour's key is the UTC time at which it begins."""
        if period == "hour":
            return self.hours(self.first)
        if self.first > self.last:
            return []
        days = [self.first.date() + DAY * n for n in range((self.last.date() - self.first.date()).days + 1)]
        return [(start, start.isoformat()) for start in sorted({self.start(day, period) for day in days})]

    def hours(self, first):
        if self.first > self.last:
            return []
        found = {}
        moment = datetime.combine(first.date(), time.min) - 2 * DAY
        while moment < self.last + 2 * DAY:
            clock = local(moment, self.zone)
            label = clock.replace(minute=0, second=0, microsecond=0)
            if first.replace(minute=0, second=0, microsecond=0) <= label <= self.last:
                found.setdefault(self.hour(moment), (label, round((clock - moment).total_seconds() / 60)))
            moment += timedelta(minutes=15)
        repeats = Counter(label for label, _ in found.values())
        labels = []
        for key, (label, east) in sorted(found.items()):
            offset = f"{'-' if east < 0 else '+'}{abs(east) // 60:02}:{abs(east) % 60:02}" if repeats[label] > 1 else ""
            labels.append((key, label.isoformat() + offset))
        return labels

    def is_complete(self, period, key, label, is_whole):
        """Whether the period is over by the data's clock and the range, which leaves out nothing of it."""
        date_from, date_to = (self.question.get(bound) for bound in ("date_from", "date_to"))
        is_date = len(date_to or "with a time") == 10
        over = self.last + timedelta(microseconds=1) if is_date else self.last
        known = min(over, clock_of(self.all_rows, self.zone, self.last))
        if period == "total":
            return date_to is not None and over <= known
        start = local_start(key, label)
        after = start + timedelta(hours=1)
        if period != "hour":
            day = key
            while self.start(day, period) == key:
                day += DAY
            after = datetime.combine(day, time.min)
        is_cut = not is_whole and date_from is not None and start < datetime.fromisoformat(date_from)
        return after <= known and not is_cut

    def hour(self, moment):
        clock = local(moment, self.zone)
        return moment - timedelta(minutes=clock.minute, seconds=clock.second, microseconds=clock.microsecond)

    def key(self, row, period):
        return self.hour(row["occurred_at"]) if period == "hour" else self.start(self.local(row), period)


def active_users(rows, question):
    if question.get("breakdown"):
        name = question["breakdown"]
        plain = {key: value for key, value in question.items() if key != "breakdown"}
        asked = Asked(rows, plain)
        bounds = {"date_from": asked.first.isoformat(), "date_to": asked.last.isoformat()}
        answer = []
        values = {value_of(row, name) for row in rows}
        for value in sorted(values, key=lambda value: (value is None, value)):
            of_value = [row for row in rows if value_of(row, name) == value]
            counts = active_users(of_value, plain | bounds)
            if any(count for _, count, _ in counts):
                whole = active_users(rows, plain)
                answer += [[value, *row[:-1], told[-1]] for row, told in zip(counts, whole, strict=True)]
        return answer
    asked = Asked(rows, question)
    interval, days = question.get("interval", "day"), question["window_days"]
    if asked.first > asked.last:
        return []
    if interval == "total":
        end = asked.last.date()
        counted = asked.units(lambda row: end - DAY * days < asked.local(row).date() <= end)
        return [[end.isoformat(), len(counted), asked.is_complete("total", None, None, is_whole=True)]]
    answer = []
    for key, label in asked.periods(interval):
        if interval == "hour":
            end, length = key, timedelta(hours=24 * days)
            counted = asked.units(lambda row: end - length < asked.hour(row["occurred_at"]) <= end)
        elif (interval, days) in (("week", 7), ("month", 28), ("month", 30), ("month", 31)):
            counted = asked.units(lambda row: asked.key(row, interval) == key)
        else:
            after = key
            while asked.start(after, interval) == key:
                after += DAY
            end = min(after - DAY, asked.last.date())
            counted = asked.units(lambda row: end - DAY * days < asked.local(row).date() <= end)
        answer.append([label, len(counted), asked.is_complete(interval, key, label, is_whole=True)])
    return answer


def lifecycle(rows, question):
    asked = Asked(rows, question)
    period = question.get("period", "day")
    everything = Asked(rows, question)
    everything.first = min(asked.first, min(local(row["occurred_at"], asked.zone) for row in rows))
    keys = [key for key, _ in everything.periods(period)]
    active = defaultdict(set)
    for row in asked.rows:
        if selected(row, question.get("event")):
            active[unit_of(row, asked.unit)].add(asked.key(row, period))
    answer = []
    for key, label in asked.periods(period):
        place = keys.index(key)
        before = keys[place - 1] if place else None
        counts = dict.fromkeys(("new", "returning", "resurrected", "dormant"), 0)
        for periods in active.values():
            if key in periods:
                counts["new" if min(periods) == key else "returning" if before in periods else "resurrected"] += 1
            elif before in periods:
                counts["dormant"] += 1
        is_complete = asked.is_complete(period, key, label, is_whole=True)
        answer += [[label, status, count, is_complete] for status, count in counts.items()]
    return answer


def stickiness(rows, question):
    asked = Asked(rows, question)
    period, length = question.get("period", "day"), question.get("period_length", 1)
    sign, limit = question.get("criteria", ["gte", 1])
    place = {key: index // length for index, (key, _) in enumerate(asked.periods(period))}
    events = Counter()
    for row in asked.rows:
        if selected(row, question.get("event")) and asked.key(row, period) in place:
            events[unit_of(row, asked.unit), place[asked.key(row, period)]] += 1
    fulfilled = {"gte": lambda n: n >= limit, "lte": lambda n: n <= limit, "exact": lambda n: n == limit}[sign]
    active = Counter(unit for (unit, _), n in events.items() if fulfilled(n))
    is_cumulative = question.get("computed_as") == "cumulative"
    return [
        [k, sum(1 for n in active.values() if n == k or (is_cumulative and n > k))]
        for k in range(1, max(place.values(), default=-1) + 2)
    ]


def sessions(rows, question):
    asked = Asked(rows, {key: value for key, value in question.items() if key not in ("date_from", "date_to")})
    bounds = Asked(rows, question)
    streams = defaultdict(list)
    for row in asked.rows:
        chosen = question.get("events")
        if chosen is None or any(selected(row, selector) for selector in chosen):
            device, user = row.get("anonymous_id"), row.get("user_id")
            if device or user:
                streams["device" if device else "user", device or user].append(row)
    gap = timedelta(seconds=question.get("inactivity_seconds", 1800))
    longest = question.get("max_length_seconds")
    cut = []
    for events in streams.values():
        events.sort(key=lambda row: (row["occurred_at"], row["event_id"]))
        for row in events:
            session = cut[-1] if cut and cut[-1] and cut[-1][0] in events else None
            is_new = session is None or row["occurred_at"] - session[-1]["occurred_at"] > gap
            if not is_new and longest is not None:
                is_new = row["occurred_at"] - session[0]["occurred_at"] > timedelta(seconds=longest)
            if is_new:
                cut.append([])
            cut[-1].append(row)
    shown = []
    for events in cut:
        start, end = events[0]["occurred_at"], events[-1]["occurred_at"]
        if not bounds.first <= local(start, asked.zone) <= bounds.last:
            continue
        pages = [row["page_url"] for row in events if row.get("page_url")]
        views = sum(row["event_name"] == "page" for row in events)
        interactions = sum(row["event_name"] not in ("page", "passive") for row in events)
        seconds = (end - start).total_seconds()
        shown.append([
            next((row["user_id"] for row in events if row.get("user_id")), None), events[0].get("anonymous_id"),
            start.isoformat(), end.isoformat(), seconds, len(events), views,
            views == 1 and interactions == 0 and seconds < 10, pages[0] if pages else None, pages[-1] if pages else None,
        ])  # fmt: skip
    if question.get("summary"):
        answer = []
        for key, label in bounds.periods(question["summary"]):
            ours = [
                row
                for row in shown
                if bounds.start(local(datetime.fromisoformat(row[2]), asked.zone), question["summary"]) == key
            ]
            seconds, bounces = [row[4] for row in ours], [row[7] for row in ours]
            answer.append(
                [
                    label,
                    len(ours),
                    sum(seconds) / len(ours) if ours else None,
                    sum(bounces) / len(ours) if ours else None,
                    bounds.is_complete(question["summary"], key, label, is_whole=False),
                ]
            )
        return answer
    if question.get("distribution") and bounds.first <= bounds.last:
        edges = [*question["distribution"], float("inf")]
        return [[low, sum(low <= row[4] < high for row in shown)] for low, high in pairwise(edges)]
    return shown


PERIOD_LENGTHS = {"hour": timedelta(hours=1), "day": DAY, "week": 7 * DAY, "month": 30 * DAY}


def happened(asked, selector):
    """Each unit's selected events, in order of time and then of id."""
    found = defaultdict(list)
    for row in sorted(asked.rows, key=lambda row: (row["occurred_at"], row["event_id"])):
        if selected(row, selector):
            found[unit_of(row, asked.unit)].append(row)
    return found


def clock_of(rows, zone, default):
    """The data's own clock, as local time."""
    return max((local(row["occurred_at"], zone) for row in rows if row.get("is_activity", True)), default=default)


def retention(rows, question):
    asked = Asked(rows, question)
    if asked.first > asked.last:
        return []
    period, measure = question.get("period", "day"), question.get("measure", "exact")
    is_rolling = question.get("window") == "rolling_24h"
    everything = Asked(rows, question)
    everything.first = min(asked.first, min(local(row["occurred_at"], asked.zone) for row in rows))
    calendar = everything.periods(period)
    place = {key: index for index, (key, _) in enumerate(calendar)}
    starts_at = [local_start(key, label) for key, label in calendar]
    clock = clock_of(rows, asked.zone, asked.last)
    is_date = len(question.get("date_to") or "with a time") == 10
    known = min(asked.last, clock)
    over = min(asked.last + timedelta(microseconds=1) if is_date else asked.last, clock)
    first = question.get("first_cohort_start") or question.get("date_from")
    bound = asked.first if first is None else datetime.fromisoformat(first)
    begun = [n for n in range(len(calendar)) if starts_at[n] <= known]
    from_place = max((n for n in range(len(calendar)) if starts_at[n] <= bound), default=0)
    chosen = [n for n in begun if n >= from_place]
    if question.get("cohorts"):
        chosen = chosen[: question["cohorts"]] if first else chosen[-question["cohorts"] :]

    def ends(n):
        if period == "hour":
            return starts_at[n] + timedelta(hours=1)
        after = starts_at[n].date()
        while asked.start(after, period) == starts_at[n].date():
            after += DAY
        return datetime.combine(after, time.min)

    def is_over(cohort, k):
        if is_rolling:
            return ends(cohort) + (k + 1) * PERIOD_LENGTHS[period] <= over
        following = starts_at[cohort + k + 1] if cohort + k + 1 < len(calendar) else ends(cohort + k)
        return following <= over

    def has_begun(cohort, k):
        if is_rolling:
            return k < len(calendar) and starts_at[cohort] + k * PERIOD_LENGTHS[period] <= known
        return cohort + k < len(calendar) and starts_at[cohort + k] <= known

    members = defaultdict(dict)  # (breakdown, cohort) -> unit -> its first start event of the cohort's period
    for unit, events in happened(asked, question.get("start_event")).items():
        by_place = defaultdict(list)
        for row in events:
            by_place[place[asked.key(row, period)]].append(row)
        cohorts = [min(by_place)] if question.get("cohort_rule") == "first_time" else list(by_place)
        for cohort in cohorts:
            values = [value_of(row, question.get("breakdown")) for row in by_place[cohort]]
            value = next((value for value in values if value is not None), None) if question.get("breakdown") else None
            if cohort in chosen:
                members[value, cohort][unit] = by_place[cohort][0]["occurred_at"]
    returned = happened(asked, question.get("return_event"))
    cells = [(cohort, k) for cohort in chosen for k in range(len(calendar) + 1) if has_begun(cohort, k)]
    width = question.get("periods") or max((k for cohort, k in cells if is_over(cohort, k)), default=0)
    bounds = question.get("brackets")
    bracket_of = {k: k for k in range(len(calendar) + 1)}
    last_of = bracket_of
    if bounds:
        brackets = [(0, 0), *((low, high - 1) for low, high in pairwise(bounds))]
        bracket_of = {
            k: low for low, high in [*brackets, (bounds[-1], 10**6)] for k in range(low, min(high, 10**4) + 1)
        }
        last_of = dict(brackets)
        cells = [(cohort, k) for cohort, k in cells if k in last_of]
        width = bounds[-1]
    values = {value for value, _ in members} if question.get("breakdown") else {None}
    answer = []
    for value in sorted(values, key=lambda value: (value is None, value)):
        for cohort, k in cells:
            if k > width:
                continue
            users, amount = 0, 0.0
            for unit, anchor in members[value, cohort].items():
                counts, amounts = Counter(), Counter()
                for row in returned[unit]:
                    if is_rolling:
                        passed = (row["occurred_at"] - anchor) // PERIOD_LENGTHS[period]
                    else:
                        passed = place[asked.key(row, period)] - cohort
                    if passed < 0:
                        continue
                    passed = bracket_of[passed]
                    counts[passed] += 1
                    amounts[passed] += as_number(as_text((row.get("properties") or {}).get(question.get("value")))) or 0
                span = {"exact": lambda n: n == k, "on_or_after": lambda n: n >= k, "within": lambda n: n <= k}[measure]
                often = [n for n, times in counts.items() if n > 0 and times >= question.get("minimum_occurrences", 1)]
                users += k == 0 or any(span(n) for n in often)
                amount += amounts[0] if k == 0 else sum(money for n, money in amounts.items() if n > 0 and span(n))
            size = len(members[value, cohort])
            is_known = has_begun(cohort, last_of[k]) and is_over(cohort, last_of[k])
            to = [last_of[k]] if bounds else []
            row = [calendar[cohort][1], k, *to, users, users / size if size else None, is_known]
            row = [value, *row] if question.get("breakdown") else row
            answer.append([*row, amount] if question.get("value") else row)
    return answer


def local_start(key, label):
    return datetime.fromisoformat(label[:19]) if isinstance(key, datetime) else datetime.combine(key, time.min)


def funnel_attempts(rows, question):
    """Every attempt as it stands after each step that it reaches: (unit, step, entry row, entry place, place, events)."""
    asked = Asked(rows, {key: value for key, value in question.items() if key not in ("date_from", "date_to")})
    bounds = Asked(rows, question)
    window = timedelta(seconds=question.get("conversion_window_seconds", 1_209_600))
    first_ever = {}
    for number, step in enumerate(question["steps"]):
        for unit, events in happened(asked, step).items():
            first_ever[unit, number] = events[0]["event_id"]
    units = defaultdict(list)
    held = question.get("hold_constant")
    for row in asked.rows:
        unit, matches = unit_of(row, asked.unit), []
        if held and value_of(row, held) is None:
            continue
        if question.get("date_range") == "all_steps" and not bounds.first <= asked.local(row) <= bounds.last:
            continue
        if question.get("date_from") and asked.local(row) < bounds.first:
            continue
        for number, step in enumerate(question["steps"]):
            is_any = step.get("occurrence", "any") == "any"
            if selected(row, step) and (is_any or first_ever[unit, number] == row["event_id"]):
                matches.append(number + 1)
        if matches or question.get("order") == "strict":
            units[(unit, value_of(row, held)) if held else unit].append(
                (row["occurred_at"], matches[:1] or [1000], matches[-1:] or [1000], row["event_id"], matches, row)
            )
    attempts = []
    for unit, events in units.items():
        events.sort(key=lambda event: event[:4])
        if question.get("order") == "unordered":
            for place, event in enumerate(events):
                if bounds.first <= asked.local(event[-1]) <= bounds.last:
                    attempts.append(unordered_attempt(unit, place, events, event[0] + window))
            continue
        reached = []
        for place, (moment, *_, matches, row) in enumerate(events):
            arrived = []
            for step in matches:
                if step == 1:
                    if bounds.first <= asked.local(row) <= bounds.last:
                        arrived.append((unit, 1, row, place, place, [row]))
                    continue
                sources, before = [step - 1], step - 1
                while before > 1 and question["steps"][before - 1].get("optional"):
                    before -= 1
                    sources.append(before)
                found = [attempt for attempt in reached if attempt[1] in sources]
                if not found:
                    continue
                last = max(found, key=lambda attempt: (attempt[4], attempt[1]))
                if moment > last[2]["occurred_at"] + window or (
                    question.get("order") == "strict" and last[4] != place - 1
                ):
                    continue
                skipped = [None] * (step - 1 - last[1])
                arrived.append((unit, step, last[2], last[3], place, last[5] + skipped + [row]))
            reached += arrived
        attempts += reached
    return asked, window, attempts


def unordered_attempt(unit, entry_place, events, until):
    """What one opening event and those after it fill, each a step of its own: an augmenting path for each event."""
    event_of_step, filling = {}, []

    def can_fill(place, tried):
        for step in events[place][4]:
            if step not in tried:
                tried.add(step)
                if step not in event_of_step or can_fill(event_of_step[step], tried):
                    event_of_step[step] = place
                    return True
        return False

    for place in range(entry_place, len(events)):
        if events[place][0] <= until and can_fill(place, set()):
            filling.append(place)
    return (
        unit,
        len(filling),
        events[entry_place][-1],
        entry_place,
        filling[-1],
        [events[place][-1] for place in filling],
    )


def is_spoiled(asked, window, question, attempt):
    unit, _, entry, _, _, events = attempt
    for exclusion in question.get("exclusions", []):
        begin = events[exclusion["from_step"] - 1] if len(events) >= exclusion["from_step"] else None
        end = events[exclusion["to_step"] - 1] if len(events) >= exclusion["to_step"] else None
        for row in asked.rows if begin else []:
            whose = unit_of(row, asked.unit)
            whose = (whose, value_of(row, question["hold_constant"])) if question.get("hold_constant") else whose
            if whose == unit and selected(row, exclusion):
                is_before = row["occurred_at"] <= entry["occurred_at"] + window and (
                    end is None or row["occurred_at"] < end["occurred_at"]
                )
                if begin["occurred_at"] < row["occurred_at"] and is_before:
                    return True
    return False


def funnel(rows, question):
    bounds = Asked(rows, question)
    if bounds.first > bounds.last:
        return []
    asked, window, attempts = funnel_attempts(rows, question)
    period = question.get("trend")
    counted = defaultdict(list)
    for attempt in attempts:
        by_attempt = attempt[3] if question.get("count") == "attempts" else None
        entry_period = asked.key(attempt[2], period) if period and by_attempt is None else None
        counted[attempt[0], by_attempt, entry_period].append(attempt)
    chosen = []
    for group in counted.values():
        if question.get("order") == "unordered":
            group = [attempt for attempt in group if not is_spoiled(asked, window, question, attempt)]
        furthest = max((attempt[1] for attempt in group), default=0)
        clean = [
            attempt for attempt in group if attempt[1] == furthest and not is_spoiled(asked, window, question, attempt)
        ]
        if clean:
            chosen.append(min(clean, key=lambda attempt: (attempt[4], attempt[3])))
    if question.get("hold_constant") and question.get("count") != "attempts":
        # of the values of a unit, the one with which it got furthest, soonest
        best = defaultdict(list)
        for attempt in chosen:
            reached = max(row["occurred_at"] for row in attempt[5] if row)
            order = (-attempt[1], reached, attempt[2]["occurred_at"], attempt[0][1])
            best[attempt[0][0], asked.key(attempt[2], period) if period else None].append((order, attempt))
        chosen = [min(group, key=lambda one: one[0])[1] for group in best.values()]
    if question.get("histogram"):
        return funnel_histogram(question, chosen)
    return funnel_trend(rows, question, asked, window, chosen) if period else funnel_steps(question, chosen)


def funnel_histogram(question, chosen):
    begin, end, bins = (question["histogram"].get(key) for key in ("from_step", "to_step", "bins"))
    durations = []
    for attempt in chosen:
        events = attempt[5]
        if len(events) >= end and events[begin - 1] and events[end - 1]:
            durations.append((events[end - 1]["occurred_at"] - events[begin - 1]["occurred_at"]).total_seconds())
    average = sum(durations) / len(durations) if durations else None
    shortest, longest = 0.0, max([1.0, *durations])
    if bins is None:
        if not durations:
            return []
        shortest, longest = min(durations), max(durations)
        bins = min(next(n for n in range(1, 1000) if n**3 >= len(durations)), 60) if longest > shortest else 1
    span = longest - shortest
    places = Counter(min(int((seconds - shortest) * bins // span), bins - 1) if span else 0 for seconds in durations)
    edges = [(shortest * bins + place * span) / bins for place in range(bins + 1)]
    return [[low, high, places[place], average] for place, (low, high) in enumerate(pairwise(edges))]


def funnel_trend(rows, question, asked, window, chosen):
    bounds = Asked(rows, question)
    clock = clock_of(rows, asked.zone, bounds.last)
    is_date = len(question.get("date_to") or "with a time") == 10
    over = min(bounds.last + timedelta(microseconds=1) if is_date else bounds.last, clock)
    begin = datetime.fromisoformat(question.get("date_from") or "1900-01-01")
    answer = []
    for key, label in bounds.periods(question["trend"]):
        ours = [attempt for attempt in chosen if asked.key(attempt[2], question["trend"]) == key]
        converted = sum(attempt[1] == len(question["steps"]) for attempt in ours)
        after = local_start(key, label) + timedelta(hours=1)
        if question["trend"] != "hour":
            day = key
            while asked.start(day, question["trend"]) == key:
                day += DAY
            after = datetime.combine(day, time.min)
        is_complete = after + window <= over and local_start(key, label) >= begin
        answer.append([label, len(ours), converted, converted / len(ours) if ours else None, is_complete])
    return answer


def funnel_steps(question, chosen):
    if question.get("breakdown"):
        values = defaultdict(list)
        for attempt in chosen:
            found = [value_of(row, question["breakdown"]) if row else None for row in attempt[5]]
            attribution = question.get("attribution", "first_touch")
            if attribution.startswith("step:"):
                step = int(attribution[5:])
                value = found[step - 1] if len(found) >= step else None
            else:
                filled = [value for value in found if value]
                value = filled[0 if attribution == "first_touch" else -1] if filled else None
            values[value].append(attempt)
        plain = {key: value for key, value in question.items() if key != "breakdown"}
        ordered = sorted(values, key=lambda value: (value is None, value))
        return [[value, *row] for value in ordered for row in funnel_steps(plain, values[value])]
    answer, entered, previous = [], None, None
    for number, step in enumerate(question["steps"], start=1):
        there = [attempt[5] for attempt in chosen if len(attempt[5]) >= number and attempt[5][number - 1] is not None]
        users = len(there)
        seconds = [
            (
                events[number - 1]["occurred_at"] - max(row["occurred_at"] for row in events[: number - 1] if row)
            ).total_seconds()
            for events in there
            if number > 1
        ]
        entered = users if entered is None else entered
        middle = sorted(seconds)[(len(seconds) - 1) // 2 : len(seconds) // 2 + 1]
        name = step.get("name") or step.get("event_name") or "any event"
        if question.get("order") == "unordered":
            name = f"Completed {number} step{'s' if number > 1 else ''}"
        answer.append([
            number, name, users, users / entered if entered else None,
            users / previous if previous else None, None if previous is None else previous - users,
            sum(seconds) / len(seconds) if seconds else None, sum(middle) / len(middle) if middle else None,
        ])  # fmt: skip
        previous = previous if step.get("optional") else users
    return answer


def item_of(row, item):
    scope, _, name = item.partition(".")
    if scope == "properties":
        return as_text((row.get("properties") or {}).get(name))
    return row.get(name or item)


def paths_of_units(rows, question):
    """Every path as a list of (item, time of arrival)."""
    asked = Asked(rows, question)
    item, is_collapsed = question.get("item", "event_name"), question.get("collapse_repeats", True)
    gap = timedelta(seconds=question.get("gap_seconds", 1800))
    units = defaultdict(list)
    for row in asked.rows:
        is_chosen = any(selected(row, selector) for selector in question.get("events", [None]))
        if is_chosen and asked.local(row) >= asked.first and item_of(row, item) is not None:
            units[unit_of(row, asked.unit)].append(row)
    for events in units.values():
        events.sort(key=lambda row: (row["occurred_at"], row["event_id"]))
        pieces = [[events[0]]]
        for before, row in pairwise(events):
            if question.get("per", "session") == "session" and row["occurred_at"] - before["occurred_at"] > gap:
                pieces.append([])
            pieces[-1].append(row)
        for piece in pieces:
            path = [(item_of(row, item), row["occurred_at"]) for row in piece]
            if is_collapsed:
                path = list(dict.fromkeys(path))
            yield [
                stay
                for place, stay in enumerate(path)
                if not (is_collapsed and place and path[place - 1][0] == stay[0])
            ]


def paths(rows, question):
    start, end, most = question.get("start"), question.get("end"), question.get("max_steps")
    is_backwards = question.get("count_from") == "end"
    found, wholes = defaultdict(list), defaultdict(list)
    anchored = []
    for path in paths_of_units(rows, question):
        if question.get("anchor") != "every":
            anchored.append(path)
            continue
        for place, (item, _) in enumerate(path):
            if start is not None and item == start:
                anchored.append(path[place : place + most])
            if start is None and item == end:
                anchored.append([*path[max(place + 1 - most, 0) : place + 1], "anchored"])
    for path in anchored:
        if path[-1] == "anchored":
            # its end is the anchor, not the first such item
            path.pop()
            wholes[tuple(item for item, _ in path)].append((path[-1][1] - path[0][1]).total_seconds())
            for place, ((source, arrived), (target, left)) in enumerate(pairwise(path), start=1):
                step = place - len(path) if is_backwards else place
                found[step, source, target].append((left - arrived).total_seconds())
            continue
        items = [item for item, _ in path]
        if start is not None:
            if start not in items:
                continue
            path = path[items.index(start) :]
            items = [item for item, _ in path]
        if end is not None:
            after = 0 if start is None else 1
            if end not in items[after:]:
                continue
            path = path[: items.index(end, after) + 1]
        if question.get("dropoff"):
            path = [*path, (None, None)]
        if most is not None:
            path = path[-most:] if is_backwards or (end is not None and start is None) else path[:most]
        if not question.get("dropoff"):
            wholes[tuple(item for item, _ in path)].append((path[-1][1] - path[0][1]).total_seconds())
        for place, ((source, arrived), (target, left)) in enumerate(pairwise(path), start=1):
            step = place - len(path) if is_backwards else place
            found[step, source, target].append(None if target is None else (left - arrived).total_seconds())
    if question.get("whole"):
        ordered = sorted(wholes.items(), key=lambda path: (-len(path[1]), path[0]))
        return [[" > ".join(path), len(path), len(times), sum(times) / len(times)] for path, times in ordered]
    answer = [
        [*link, len(seconds), None if link[2] is None else sum(seconds) / len(seconds)]
        for link, seconds in found.items()
    ]
    return sorted(answer, key=lambda row: (row[0], row[2] is None, -row[3], row[1], row[2] or ""))


def percentile(values, share):
    """The value at `share` of the way through the sorted ones, in proportion between its two neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low)


def measured(rows, series, unit):
    """One measure of some events."""
    rows = [row for row in rows if selected(row, series)]
    units = [unit_of(row, unit) for row in rows if unit_of(row, unit) is not None]
    measure = series.get("measure", "count")
    if measure in ("count", "uniques"):
        return len(rows) if measure == "count" else len(set(units))
    if measure == "count_per_unit":
        return len(units) / len(set(units)) if units else None
    texts = [as_text((row.get("properties") or {}).get(series["property"])) for row in rows]
    numbers = [as_number(text) for text in texts if as_number(text) is not None]
    if measure == "sum":
        return sum(numbers)
    if not numbers:
        return None
    if measure == "avg":
        return sum(numbers) / len(numbers)
    if measure in ("min", "max"):
        return min(numbers) if measure == "min" else max(numbers)
    return percentile(numbers, int(measure[1:]) / 100)


# what may stand in a question, and the same in Python
FORMULAS = {
    "A / B": lambda a, b: a / b,
    "(A + B) * 2 - A": lambda a, b: (a + b) * 2 - a,
    "100 * -A / (B - 1)": lambda a, b: 100 * -a / (b - 1),
    "A - B - 1 / 4": lambda a, b: a - b - 0.25,
}


def computed(formula, values):
    try:
        return None if None in values else FORMULAS[formula](*values)
    except ZeroDivisionError:
        return None


def mean(values):
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def trends(all_rows, question):
    asked = Asked(all_rows, question)
    interval, unit = question.get("interval", "day"), asked.unit
    rows = [
        row
        for row in all_rows
        if fulfils(row, question.get("where"))
        and (unit == "person" or unit_of(row, unit) is not None)
        and any(selected(row, one) for one in question["series"].values())
    ]
    start = asked.first if question.get("date_from") else datetime.combine(asked.first, time.min)
    end = asked.last if question.get("date_to") else datetime.combine(asked.last, time.max)
    whole = timedelta(hours=1) if interval in ("hour", "total") else DAY
    length = max(-((start - end) // whole), 1) * whole
    if asked.first > asked.last:
        return []

    everything = Asked(all_rows, question)
    everything.first = min(asked.first, min(asked.local(row) for row in all_rows))
    if interval == "total":
        shown = extended = [("all", asked.first.date().isoformat())]
    else:
        shown = asked.periods(interval)
        extended = everything.periods(interval)
        extended = extended[max(len(extended) - len(shown) - question.get("rolling", 1) + 1, 0) :]
    first_clock = {"hour": lambda: asked.first.replace(minute=0, second=0, microsecond=0)}.get(
        interval, lambda: datetime.combine(asked.start(asked.first, interval), time.min)
    )()

    def is_of(clock, key):
        if interval == "total":
            return True
        if interval == "hour":
            return local(key, asked.zone).replace(minute=0) == clock.replace(minute=0, second=0, microsecond=0)
        return asked.start(clock, interval) == key

    def events_of(key, is_previous):
        found = []
        for row in rows:
            clock = asked.local(row)
            if is_previous:
                is_before = clock <= end - length and clock < start
                is_there = is_before and is_of(clock + length, key)
                clock += length
            else:
                is_there = clock <= asked.last and (interval == "total" or asked.key(row, interval) == key)
            # the first period begins with the range, but those before it are whole
            if is_there and (clock >= start or (interval != "total" and clock < first_clock)):
                found.append(row)
        return found

    name, top = question.get("breakdown"), question.get("top", 10)

    def segment_of(row):
        return value_of(row, name) if name else None

    shown_keys = {key for key, _ in shown}
    now, seen = [], []
    for key, _ in extended:
        now += events_of(key, False) if key in shown_keys else []
        seen += events_of(key, False) + (events_of(key, True) if question.get("compare") else [])
    first_series = next(iter(question["series"].values()))

    def rank(one):
        ours = [row for row in now if segment_of(row) == one]
        overall = measured(ours, first_series, unit)
        return (not ours, overall is None, -(overall or 0), one is None, one or "")

    values = {segment_of(row) for row in seen} if name else {None}
    kept = sorted(values - {"Other"}, key=rank)[:top]
    groups = [(one, lambda row, one=one: segment_of(row) == one) for one in kept]
    if values - set(kept):
        groups.append(("Other", lambda row: segment_of(row) not in kept))

    names = [*question["series"], *(["formula"] if question.get("formula") else [])]
    table = {}
    for is_previous in (False, True):
        for key, _ in extended:
            events = events_of(key, is_previous)
            for place, (_, belongs) in enumerate(groups):
                ours = [row for row in events if belongs(row)]
                found = [measured(ours, one, unit) for one in question["series"].values()]
                if question.get("formula"):
                    found.append(computed(question["formula"], found[:2]))
                for series, value in zip(names, found, strict=True):
                    table[is_previous, key, place, series] = value
    keys = [key for key, _ in extended]
    answer = []
    for key, label in shown:
        window = keys[max(keys.index(key) - question.get("rolling", 1) + 1, 0) : keys.index(key) + 1]
        for series in names:
            for place, (value, _) in enumerate(groups):
                cells = [mean([table[is_previous, k, place, series] for k in window]) for is_previous in (False, True)]
                answer.append([
                    label, series, cells[0], *([value] if name else []), *(cells[1:] if question.get("compare") else []),
                    asked.is_complete(interval, key, label, is_whole=False),
                ])  # fmt: skip
    return answer


def conversions(rows, question):
    asked = Asked(rows, question)
    origin = question.get("from", "first_seen")
    origins = happened(asked, {"event_name": None} if origin == "first_seen" else origin)
    interval = question.get("interval", "day")
    if asked.first > asked.last:
        return []
    periods = asked.periods(interval) if interval != "total" else [("all", asked.first.date().isoformat())]
    answer = []
    for key, label in periods:
        events = [
            row
            for row in asked.rows
            if asked.local(row) >= asked.first and (interval == "total" or asked.key(row, interval) == key)
        ]
        active = {unit_of(row, asked.unit) for row in events if selected(row, None)}
        moments = defaultdict(list)
        for row in events:
            if selected(row, question["event"]):
                moments[unit_of(row, asked.unit)].append(row["occurred_at"])
        seconds = []
        for unit, times in moments.items():
            start = origins[unit][0]["occurred_at"] if unit in origins else None
            later = [moment for moment in times if start is not None and moment >= start]
            seconds += [(min(later) - start).total_seconds()] if later else []
        answer.append([
            label, len(active), len(moments), len(moments) / len(active) if active else None,
            percentile(seconds, 0.5) if seconds else None, asked.is_complete(interval, key, label, is_whole=False),
        ])  # fmt: skip
    return answer
