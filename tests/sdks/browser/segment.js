import { AnalyticsBrowser } from "@segment/analytics-next";

const { host, key } = window.footfallTest;
const analytics = AnalyticsBrowser.load({ writeKey: key, cdnURL: host });
await analytics.page("Home");
await analytics.track("Product Viewed", { sku: "A1" });
await analytics.identify("u1", { plan: "pro" });
await analytics.track("Order Completed", { order_id: "o1", revenue: 19.99, currency: "EUR" });
