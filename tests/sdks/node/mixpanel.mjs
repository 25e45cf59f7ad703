import Mixpanel from "mixpanel";

const [host, key, device, user, url] = process.argv.slice(2);
const address = new URL(host);
const client = Mixpanel.init(key, { host: address.host, protocol: "http" });
const sent = (send) => new Promise((done, fail) => send((error) => (error ? fail(error) : done())));
const anonymous = { distinct_id: `$device:${device}`, $device_id: device };
const page = { $current_url: url, current_page_title: "Shop", ...anonymous };
await sent((done) => client.track("$mp_web_page_view", page, done));
await sent((done) => client.track("Product Viewed", { product_id: "A1", ...anonymous }, done));
await sent((done) => client.people.set(user, { plan: "pro" }, done));
const order = { distinct_id: user, $device_id: device, order_id: "o1", revenue: 19.99, currency: "USD" };
await sent((done) => client.track_batch([{ event: "Order Completed", properties: order }], done));
