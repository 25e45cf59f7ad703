"""The vendors whose SDKs and exported files are understood, by name."""

from ingest.vendors.segment import SEGMENT
from ingest.vendors.vendor import Vendor

VENDORS: dict[str, Vendor] = {vendor.name: vendor for vendor in (SEGMENT,)}
