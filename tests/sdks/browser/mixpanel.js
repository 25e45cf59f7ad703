import mixpanel from "mixpanel-browser";

const { host, key, user } = window.footfallTest;
mixpanel.init(key, { api_host: host, track_pageview: true, persistence: "localStorage", batch_flush_interval_ms: 300 });
mixpanel.track("Product Viewed", { product_id: "A1" });
mixpanel.identify(user);
mixpanel.people.set({ plan: "pro" });
mixpanel.track("Order Completed", { order_id: "o1", revenue: 19.99, currency: "USD" });
window.addEventListener("beforeunload", () => mixpanel.track("Page Left", {}, { transport: "sendBeacon" }));
