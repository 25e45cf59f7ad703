// Footfall in a browser: page views, clicks, forms, outbound links and engaged time.
// <script defer src="https://HOST/footfall.js" data-key="WRITE_KEY"></script>
(() => {
  "use strict";
  const script = document.currentScript;
  const host = script.dataset.host || new URL(script.src).origin;
  const address = `${host}/analytics/events/track-batch?key=${encodeURIComponent(script.dataset.key || "")}`;
  const OUT = "footfall_opt_out";
  const ID = "footfall_id";
  const LARGEST = 50;
  let queue = [];
  let timer = null;
  let pause = 500;
  let user = null;
  let page = null;
  let visibleSince = null;
  let visibleMs = 0;
  let depth = 0;

  const store = (name, value) => {
    try {
      if (value === undefined) return localStorage.getItem(name);
      if (value === null) localStorage.removeItem(name);
      else localStorage.setItem(name, value);
    } catch { /* storage is denied: every page is a visitor of its own */ }
    return value;
  };
  const uuid = () =>
    crypto.randomUUID
      ? crypto.randomUUID()
      : "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
          (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16));
  const refused = () =>
    store(OUT) === "1" || navigator.doNotTrack === "1" || window.doNotTrack === "1" || navigator.globalPrivacyControl === true;
  let device = null;
  const who = () => device || (device = store(ID) || store(ID, uuid()));

  const send = (leaving) => {
    clearTimeout(timer);
    timer = null;
    if (!queue.length) return;
    const events = queue.splice(0, LARGEST);
    const now = new Date().toISOString();
    const body = JSON.stringify({ events: events.map((event) => ({ ...event, sent_at: now })) });
    // text/plain needs no preflight; a request that outlives its page may not be large
    fetch(address, { method: "POST", body, keepalive: leaving, headers: { "Content-Type": "text/plain" } })
      .then((answer) => {
        if (answer.status >= 500 || answer.status === 429) throw new Error(answer.status);
        pause = 500;
        if (queue.length) later();
      })
      .catch(() => {
        queue = events.concat(queue).slice(-1000);
        pause = Math.min(pause * 2, 60000);
        later();
      });
  };
  const later = () => {
    if (timer === null) timer = setTimeout(send, pause);
  };
  const track = (name, properties, where) => {
    if (refused()) return;
    queue.push({
      event_id: uuid(),
      event_name: name,
      occurred_at: new Date().toISOString(),
      anonymous_id: who(),
      user_id: user,
      properties: properties || {},
      context: where || { page_url: location.href, page_title: document.title, referrer: document.referrer,
        locale: navigator.language, library: "footfall.js" },
    });
    later();
  };

  const engaged = () => {
    if (visibleSince !== null) {
      visibleMs += performance.now() - visibleSince;
      visibleSince = null;
    }
    if (page && visibleMs >= 1000) {
      track("engagement", { engagement_time_msec: Math.round(visibleMs), scroll_depth: depth }, page);
      visibleMs = 0;
    }
  };
  const view = () => {
    engaged();
    visibleMs = depth = 0;
    visibleSince = document.visibilityState === "visible" ? performance.now() : null;
    const before = page ? page.page_url : document.referrer;
    page = { page_url: location.href, page_title: document.title, referrer: before, locale: navigator.language,
      library: "footfall.js" };
    track("page_view", {}, page);
  };
  // pages that change without being loaded: the address without its fragment tells
  const moved = () => {
    if (page && page.page_url.split("#")[0] !== location.href.split("#")[0]) view();
  };
  for (const name of ["pushState", "replaceState"]) {
    const plain = history[name];
    history[name] = function (...given) {
      const answer = plain.apply(this, given);
      setTimeout(moved);
      return answer;
    };
  }
  addEventListener("popstate", moved);
  addEventListener("scroll", () => {
    const height = document.documentElement.scrollHeight;
    depth = Math.max(depth, Math.min(100, Math.round(((scrollY + innerHeight) / height) * 100)));
  }, { passive: true });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") visibleSince = performance.now();
    else {
      engaged();
      send(true);
    }
  });
  addEventListener("pagehide", () => {
    engaged();
    send(true);
  });

  // data-analytics-plan="pro" is the property plan
  const told = (element) => {
    const properties = {};
    for (const [name, value] of Object.entries(element.dataset)) {
      const own = name.startsWith("analytics") && name.slice(9);
      if (own && !["Track", "Feature", "Form"].includes(own))
        properties[own.replace(/[A-Z]/g, (letter, at) => (at ? "_" : "") + letter.toLowerCase())] = value;
    }
    return properties;
  };
  document.addEventListener("click", (click) => {
    const marked = click.target.closest?.("[data-analytics-track], [data-analytics-feature]");
    if (marked) {
      const { analyticsTrack, analyticsFeature } = marked.dataset;
      if (analyticsTrack) track(analyticsTrack, told(marked));
      if (analyticsFeature) track("feature_used", { feature: analyticsFeature, ...told(marked) });
    }
    const link = click.target.closest?.("a[href]");
    if (link && /^https?:$/.test(link.protocol) && link.host !== location.host) {
      track("outbound_link", { url: link.href });
      send(true);
    }
  }, true);
  document.addEventListener("submit", (submit) => {
    const name = submit.target.dataset.analyticsForm;
    if (name) {
      track("form_submitted", { form: name, ...told(submit.target) });
      send(true);
    }
  }, true);

  window.footfall = {
    track,
    page: view,
    identify(id, traits) {
      user = String(id);
      track("identify", traits ? { $set: traits } : {});
    },
    reset() {
      user = null;
    },
    optOut() {
      queue = [];
      device = null;
      store(OUT, "1");
      store(ID, null);
    },
    optIn() {
      store(OUT, null);
    },
  };
  view();
})();
