import { Analytics } from "@segment/analytics-node";

const [host, writeKey, anonymousId, userId, url] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host, flushAt: 10, flushInterval: 200 });
analytics.page({ anonymousId, name: "Shop", context: { page: { url, title: "Shop" } } });
analytics.track({ anonymousId, event: "Product Viewed", properties: { product_id: "A1" } });
analytics.identify({ userId, anonymousId, traits: { plan: "pro" } });
const properties = { order_id: "o1", revenue: 19.99, currency: "USD" };
analytics.track({ userId, anonymousId, event: "Order Completed", properties });
await analytics.closeAndFlush();
