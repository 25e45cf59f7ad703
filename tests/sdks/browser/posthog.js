import posthog from "posthog-js";

const { host, key } = window.footfallTest;
posthog.init(key, { api_host: host, capture_pageview: true, person_profiles: "always" });
posthog.capture("Product Viewed", { sku: "A1" });
posthog.identify("u1", { plan: "pro" });
posthog.capture("Order Completed", { order_id: "o1", revenue: 19.99, currency: "EUR" });
window.addEventListener("pagehide", () => posthog.capture("Before Unload"));
