'use strict';
(() => {
  const told = document.getElementById('told');
  document.documentElement.classList.add('scripted');

  // the choice holds for every page, from its first paint on
  addEventListener('footfall-theme', (event) => {
    document.cookie = 'footfall-theme=' + event.detail + '; path=/; max-age=31536000; samesite=strict';
  });

  // filters: the address says them all, and a default says nothing
  const form = document.querySelector('form.filters');
  function go() {
    const said = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (!value || (name === 'range' && value === '12m')) continue;
      if (form.elements.range.value && (name === 'from' || name === 'to')) continue;
      said.set(name, value);
    }
    const query = said.toString();
    location.assign(location.pathname + (query ? '?' + query : ''));
  }
  form?.addEventListener('submit', (event) => { event.preventDefault(); go(); });
  form?.addEventListener('change', (event) => {
    const days = form.querySelector('.days'), isPreset = Boolean(form.elements.range.value);
    if (event.target.name === 'range') {
      days.classList.toggle('preset', isPreset);
      if (!isPreset) { form.elements.from.focus(); return; }
    }
    // of two days the second is awaited
    if (event.target.type === 'date' && !(form.elements.from.value && form.elements.to.value)) return;
    go();
  });
  // a page that comes back by the back button shows the filters of its address
  addEventListener('pageshow', (event) => { if (event.persisted) form?.reset(); });

  const units = [[86400, 'd'], [3600, 'h'], [60, 'min']];
  function ages() {
    for (const time of document.querySelectorAll('time[datetime]')) {
      const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
      const [size, unit] = units.find(([one]) => seconds >= one) || [1, 's'];
      time.title ||= time.textContent;
      if (seconds < 7 * 86400) time.textContent = (seconds < 60 ? 'just now' : Math.floor(seconds / size) + '\u00a0' + unit + ' ago');
    }
  }
  ages();
  setInterval(ages, 30000);

  // a figure is exchanged where it stands; what was open stays open, and who stood in it stays in it
  const placeOf = (figure) => {
    const all = [...figure.querySelectorAll('a, button, summary, [tabindex]')];
    return { all, at: all.indexOf(document.activeElement) };
  };
  async function fetched(figure) {
    let text;
    try {
      const answer = await fetch(figure.dataset.fragment, { credentials: 'same-origin' });
      text = await answer.text();
      if (!answer.ok) throw new Error(answer.status);
    } catch {
      const why = figure.querySelector('.why');
      if (figure.classList.contains('waits') && why) why.textContent = 'This figure could not be loaded. Load the page again.';
      return;
    }
    const fresh = new DOMParser().parseFromString(text, 'text/html').querySelector('.figure');
    if (fresh) exchange(figure, fresh);
  }

  function exchange(figure, fresh) {
    const { at } = placeOf(figure);
    const open = [...figure.querySelectorAll('details')].map((one) => one.open);
    const isWhole = !figure.querySelector('.cut') && !figure.querySelector('.all');
    [...fresh.querySelectorAll('details')].forEach((one, place) => { one.open = Boolean(open[place]); });
    const scrolled = [...figure.querySelectorAll('.scroll')].map((one) => [one.scrollLeft, one.scrollTop]);
    if (isWhole && figure.querySelector('.ranking, .data')) {
      fresh.querySelector('.cut')?.classList.remove('cut');
      fresh.querySelector('.all')?.remove();
    }
    fresh.className = figure.className.replace(/\b(kind-\S+|waits)\b/g, '').trim() + ' ' + [...fresh.classList].filter((one) => one.startsWith('kind-')).join(' ');
    window.footfall.replace(figure, fresh);
    [...fresh.querySelectorAll('.scroll')].forEach((one, place) => { if (scrolled[place]) [one.scrollLeft, one.scrollTop] = scrolled[place]; });
    if (at >= 0) placeOf(fresh).all[at]?.focus({ preventScroll: true });
  }
  window.footfall.exchange = exchange;

  async function fill(figures) {
    await Promise.all([...figures].map(fetched));
    await window.footfall.drawAll();
  }
  const waiting = document.querySelectorAll('.figure.waits[data-fragment]');
  if (waiting.length) fill(waiting);

  // after a publication every figure is read anew
  let mark = null;
  async function look() {
    if (document.hidden || !document.body.dataset.publication) return;
    let answer;
    try {
      answer = await fetch('/published' + location.search, { headers: mark ? { 'If-None-Match': mark } : {}, cache: 'no-store', credentials: 'same-origin' });
    } catch { return; }
    if (answer.status !== 200) return;
    mark = answer.headers.get('ETag');
    const now = await answer.json();
    if (now.publication === document.body.dataset.publication) return;
    document.body.dataset.publication = now.publication;
    for (const asOf of document.querySelectorAll('.as-of')) asOf.textContent = now.as_of;
    for (const id of document.querySelectorAll('.publication')) id.textContent = now.publication;
    for (const time of document.querySelectorAll('.freshness time')) { time.dateTime = now.published_at; time.title = now.published_at; }
    ages();
    await fill(document.querySelectorAll('.figure[data-fragment]'));
    dispatchEvent(new CustomEvent('footfall-published', { detail: now }));
    told.textContent = 'New numbers were published.';
  }
  setInterval(look, 10000);
  document.addEventListener('visibilitychange', look);
})();
