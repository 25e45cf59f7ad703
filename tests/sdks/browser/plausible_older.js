import Plausible from "plausible-tracker";

const { host, key } = window.footfallTest;
const { trackEvent, trackPageview } = Plausible({ domain: key, apiHost: host, trackLocalhost: true });
trackPageview();
trackEvent("Product Viewed", { props: { product_id: "A1" } });
