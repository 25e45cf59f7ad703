"""Landing: immutable files of accepted events, their manifests, and the quarantine."""
