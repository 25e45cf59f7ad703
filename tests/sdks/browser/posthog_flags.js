import posthog from "posthog-js";

const { host, key } = window.footfallTest;
posthog.init(key, { api_host: host, capture_pageview: false, opt_out_useragent_filter: true, request_batching: false });
posthog.onFeatureFlags(() => {
  window.footfallTold = { variant: posthog.getFeatureFlag("button"), id: posthog.get_distinct_id() };
});
