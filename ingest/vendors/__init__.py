"""The vendors whose SDKs and exported files are understood, by name."""

from ingest.vendors.amplitude import AMPLITUDE
from ingest.vendors.footfall import FOOTFALL
from ingest.vendors.ga4 import GA4
from ingest.vendors.matomo import MATOMO
from ingest.vendors.mixpanel import MIXPANEL
from ingest.vendors.plausible import PLAUSIBLE
from ingest.vendors.posthog import POSTHOG
from ingest.vendors.segment import SEGMENT
from ingest.vendors.snowplow import SNOWPLOW
from ingest.vendors.umami import UMAMI
from ingest.vendors.vendor import Vendor
from ingest.vendors.weblog import WEBLOG

_ALL = (SEGMENT, POSTHOG, AMPLITUDE, MIXPANEL, SNOWPLOW, PLAUSIBLE, GA4, UMAMI, MATOMO, FOOTFALL, WEBLOG)
VENDORS: dict[str, Vendor] = {vendor.name: vendor for vendor in _ALL}
