"""Footfall for applications: tell what happens, and read what it amounts to.

It needs the standard library alone to tell and to ask a server; a home on disk is read by an installation of Footfall.
"""

from footfall.client import Analytics, get_user_analytics_service
from footfall.events import EventType, UserSegment
from footfall.notebook import Published, open
from footfall.reading import ABTestResults, ConversionMetrics, EngagementMetrics, NpsMetrics, RetentionMetrics
from footfall.sending import Stats
from footfall.tracking import AnalyticsMiddleware, AnalyticsTracker, track_analytics_event
from footfall.transports import AnalyticsError

__all__ = [
    "ABTestResults",
    "Analytics",
    "AnalyticsError",
    "AnalyticsMiddleware",
    "AnalyticsTracker",
    "ConversionMetrics",
    "EngagementMetrics",
    "EventType",
    "NpsMetrics",
    "Published",
    "RetentionMetrics",
    "Stats",
    "UserSegment",
    "get_user_analytics_service",
    "open",
    "track_analytics_event",
]
