import { PostHog } from "posthog-node";

const [host, key] = process.argv.slice(2);
const client = new PostHog(key, { host, flushAt: 10, flushInterval: 200 });
client.capture({ distinctId: "d1", event: "Product Viewed", properties: { sku: "A1", $process_person_profile: false } });
client.alias({ distinctId: "u1", alias: "d1" });
client.identify({ distinctId: "u1", properties: { plan: "pro" } });
client.capture({ distinctId: "u1", event: "Order Completed", properties: { order_id: "o1", revenue: 19.99, currency: "EUR" } });
await client.shutdown();
