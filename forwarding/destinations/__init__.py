"""Where events can be sent on to."""

from forwarding.destinations.amplitude import amplitude
from forwarding.destinations.destination import Destination
from forwarding.destinations.mixpanel import mixpanel
from forwarding.destinations.segment import segment
from forwarding.destinations.webhook import webhook
from forwarding.settings import ForwardingSettings
from ingest.settings import names_in


def destinations(settings: ForwardingSettings) -> list[Destination]:
    """Those for which there are keys, in the order of their names."""
    found = []
    if settings.amplitude_api_key:
        found.append(amplitude(settings.amplitude_api_key, settings.amplitude_url))
    if settings.mixpanel_token:
        found.append(mixpanel(settings.mixpanel_token, settings.mixpanel_url))
    if settings.segment_write_key:
        found.append(segment(settings.segment_write_key, settings.segment_url))
    return found + [webhook(url, settings.webhook_secret) for url in names_in(settings.webhook_urls)]
