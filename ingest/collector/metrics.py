"""The collector's counts as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as MetricsCollector

from ingest.collector.spool import sealed_files

if TYPE_CHECKING:
    from ingest.collector.app import Collector


class _Counts(MetricsCollector):
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterable[Metric]:
        counts, spool = self._collector.counts, self._collector.spool
        events = CounterMetricFamily("footfall_received_events", "Events on disk", labels=["protocol", "app"])
        for (protocol, app), number in counts.events.items():
            events.add_metric([protocol, app], number)
        requests = CounterMetricFamily("footfall_requests", "Requests answered", labels=["protocol", "status"])
        for (protocol, status), number in counts.requests.items():
            requests.add_metric([protocol, str(status)], number)
        landed = CounterMetricFamily("footfall_landed_events", "Received events by outcome", labels=["outcome"])
        for outcome, number in counts.landed.items():
            landed.add_metric([outcome], number)
        yield from (events, requests, landed)
        yield GaugeMetricFamily("footfall_queue_bytes", "Waiting for the disk", spool.waiting_bytes if spool else 0)
        yield GaugeMetricFamily("footfall_files_to_land", "Sealed files", len(sealed_files(self._collector.home)))
        yield GaugeMetricFamily("footfall_landing_failed", "1 while landing fails", int(bool(counts.landing_error)))


def registry(collector: Collector) -> CollectorRegistry:
    """A registry of one collector's counts."""
    made = CollectorRegistry()
    made.register(_Counts(collector))
    return made
