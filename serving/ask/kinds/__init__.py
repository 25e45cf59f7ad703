"""The kinds of question: one module each, and nothing else to change when a kind is added."""

from serving.ask.kinds.active_users import ActiveUsers
from serving.ask.kinds.attribution import Attribution
from serving.ask.kinds.conversion_paths import ConversionPaths
from serving.ask.kinds.conversions import Conversions
from serving.ask.kinds.funnel import Funnel
from serving.ask.kinds.lifecycle import Lifecycle
from serving.ask.kinds.paths import Paths
from serving.ask.kinds.retention import Retention
from serving.ask.kinds.sessions import Sessions
from serving.ask.kinds.stickiness import Stickiness
from serving.ask.kinds.trends import Trends
from serving.ask.kinds.web_overview import WebOverview
from serving.ask.vocabulary import Question

KINDS: dict[str, type[Question]] = {
    "active_users": ActiveUsers,
    "attribution": Attribution,
    "conversion_paths": ConversionPaths,
    "conversions": Conversions,
    "funnel": Funnel,
    "lifecycle": Lifecycle,
    "paths": Paths,
    "retention": Retention,
    "sessions": Sessions,
    "stickiness": Stickiness,
    "trends": Trends,
    "web_overview": WebOverview,
}
