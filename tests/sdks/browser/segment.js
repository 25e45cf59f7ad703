import { AnalyticsBrowser } from "@segment/analytics-next";

const { host, key, user } = window.footfallTest;
const analytics = AnalyticsBrowser.load({ writeKey: key, cdnURL: host });
await analytics.page("Shop");
await analytics.track("Product Viewed", { product_id: "A1" });
await analytics.identify(user, { plan: "pro" });
await analytics.track("Order Completed", { order_id: "o1", revenue: 19.99, currency: "USD" });
