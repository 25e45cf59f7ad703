import { Analytics } from "@segment/analytics-node";

const [host, key] = process.argv.slice(2);
const analytics = new Analytics({ writeKey: key, host, flushAt: 10, flushInterval: 200 });
analytics.track({ anonymousId: "d1", event: "Product Viewed", properties: { sku: "A1" } });
analytics.identify({ userId: "u1", anonymousId: "d1", traits: { plan: "pro" } });
analytics.track({ userId: "u1", event: "Order Completed", properties: { order_id: "o1", revenue: 19.99, currency: "EUR" } });
await analytics.closeAndFlush();
