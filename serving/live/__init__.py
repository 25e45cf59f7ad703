"""Live: what has been received in the last minutes, landed or not, as numbers and on a socket."""

from serving.live.app import Live, live

__all__ = ["Live", "live"]
