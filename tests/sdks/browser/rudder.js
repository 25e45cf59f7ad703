import { RudderAnalytics } from "@rudderstack/analytics-js/bundled";

const { host, key } = window.footfallTest;
const analytics = new RudderAnalytics();
analytics.load(key, host, { configUrl: host });
analytics.page("Home");
analytics.track("Product Viewed", { sku: "A1" });
analytics.identify("u1", { plan: "pro" });
analytics.track("Order Completed", { order_id: "o1", revenue: 19.99, currency: "EUR" });
