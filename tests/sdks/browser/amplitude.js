import * as amplitude from "@amplitude/analytics-browser";

const { host, key, user } = window.footfallTest;
const options = { serverUrl: `${host}/2/httpapi`, autocapture: { pageViews: true }, flushIntervalMillis: 300 };
await amplitude.init(key, undefined, { ...options, remoteConfig: { fetchRemoteConfig: false } }).promise;
await amplitude.track("Product Viewed", { product_id: "A1" }).promise;
amplitude.setUserId(user);
await amplitude.identify(new amplitude.Identify().set("plan", "pro")).promise;
const order = { event_type: "Order Completed", revenue: 19.99, event_properties: { order_id: "o1", currency: "USD" } };
await amplitude.track(order).promise;
