import { init, track } from "@plausible-analytics/tracker";

const { host, key } = window.footfallTest;
init({ domain: key, endpoint: `${host}/api/event`, captureOnLocalhost: true });
track("Product Viewed", { props: { product_id: "A1" } });
track("Order Completed", { props: { order_id: "o1" }, revenue: { amount: 19.99, currency: "USD" } });
