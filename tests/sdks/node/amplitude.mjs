import * as amplitude from "@amplitude/analytics-node";

const [host, key] = process.argv.slice(2);
await amplitude.init(key, { serverUrl: `${host}/2/httpapi`, flushIntervalMillis: 200 }).promise;
amplitude.track("Product Viewed", { sku: "A1" }, { device_id: "d1" });
amplitude.identify(new amplitude.Identify().set("plan", "pro"), { user_id: "u1", device_id: "d1" });
const order = { event_type: "Order Completed", revenue: 19.99, event_properties: { order_id: "o1", currency: "EUR" } };
amplitude.track(order, undefined, { user_id: "u1" });
await amplitude.flush().promise;
