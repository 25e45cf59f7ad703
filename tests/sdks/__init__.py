"""One story, told by the SDKs of many vendors, unmodified but for their host."""
