import { PostHog } from "posthog-node";

const [host, key, device, user, url] = process.argv.slice(2);
const client = new PostHog(key, { host, flushAt: 10, flushInterval: 200 });
const anonymous = { $device_id: device, $process_person_profile: false };
client.capture({ distinctId: device, event: "$pageview", properties: { $current_url: url, $title: "Shop", ...anonymous } });
client.capture({ distinctId: device, event: "Product Viewed", properties: { product_id: "A1", ...anonymous } });
client.alias({ distinctId: user, alias: device });
client.identify({ distinctId: user, properties: { plan: "pro" } });
const order = { order_id: "o1", revenue: 19.99, currency: "USD", $device_id: device };
client.capture({ distinctId: user, event: "Order Completed", properties: order });
await client.shutdown();
