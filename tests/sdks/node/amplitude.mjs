import * as amplitude from "@amplitude/analytics-node";

const [host, key, device_id, user_id, url] = process.argv.slice(2);
await amplitude.init(key, { serverUrl: `${host}/2/httpapi`, flushIntervalMillis: 200 }).promise;
const page = { "[Amplitude] Page Location": url, "[Amplitude] Page Title": "Shop" };
amplitude.track("[Amplitude] Page Viewed", page, { device_id });
amplitude.track("Product Viewed", { product_id: "A1" }, { device_id });
amplitude.identify(new amplitude.Identify().set("plan", "pro"), { user_id, device_id });
const order = { event_type: "Order Completed", revenue: 19.99, event_properties: { order_id: "o1", currency: "USD" } };
amplitude.track(order, undefined, { user_id, device_id });
await amplitude.flush().promise;
