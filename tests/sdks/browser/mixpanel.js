import mixpanel from "mixpanel-browser";

const { host, key } = window.footfallTest;
mixpanel.init(key, { api_host: host, track_pageview: true, persistence: "localStorage", batch_flush_interval_ms: 300 });
mixpanel.track("Product Viewed", { sku: "A1" });
mixpanel.identify("u1");
mixpanel.people.set({ plan: "pro" });
mixpanel.track("Order Completed", { order_id: "o1", revenue: 19.99, currency: "EUR" });
window.addEventListener("beforeunload", () => mixpanel.track("Before Unload", {}, { transport: "sendBeacon" }));
