import { newTracker, setUserId, trackPageView, trackSelfDescribingEvent } from "@snowplow/browser-tracker";

const { host, key, user } = window.footfallTest;
newTracker("ns", host, { appId: key, eventMethod: "post" });
const tell = (name, data) =>
  trackSelfDescribingEvent({ event: { schema: `iglu:com.example/${name}/jsonschema/1-0-0`, data } });
trackPageView();
tell("product_viewed", { product_id: "A1" });
setUserId(user);
tell("order_completed", { order_id: "o1", revenue: 19.99, currency: "USD" });
