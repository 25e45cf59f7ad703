import Mixpanel from "mixpanel";

const [host, key] = process.argv.slice(2);
const address = new URL(host);
const client = Mixpanel.init(key, { host: address.host, protocol: "http" });
const sent = (send) => new Promise((done, fail) => send((error) => (error ? fail(error) : done())));
await sent((done) => client.track("Product Viewed", { distinct_id: "$device:d1", $device_id: "d1", sku: "A1" }, done));
await sent((done) => client.people.set("u1", { plan: "pro" }, done));
const order = { order_id: "o1", revenue: 19.99, currency: "EUR" };
await sent((done) => client.track_batch([{ event: "Order Completed", properties: { distinct_id: "u1", ...order } }], done));
