import { RudderAnalytics } from "@rudderstack/analytics-js/bundled";

const { host, key, user } = window.footfallTest;
const analytics = new RudderAnalytics();
analytics.load(key, host, { configUrl: host });
analytics.page("Shop");
analytics.track("Product Viewed", { product_id: "A1" });
analytics.identify(user, { plan: "pro" });
analytics.track("Order Completed", { order_id: "o1", revenue: 19.99, currency: "USD" });
