import posthog from "posthog-js";

const { host, key, user } = window.footfallTest;
posthog.init(key, { api_host: host, capture_pageview: true, person_profiles: "always", opt_out_useragent_filter: true });
posthog.capture("Product Viewed", { product_id: "A1" });
posthog.identify(user, { plan: "pro" });
posthog.capture("Order Completed", { order_id: "o1", revenue: 19.99, currency: "USD" });
