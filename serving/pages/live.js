'use strict';
(() => {
  const live = document.getElementById('live'), state = document.getElementById('live-state');
  const place = (name) => live.querySelector('[data-live="' + name + '"]');
  const number = (value) => (value ?? null) === null ? '–' : Number(value).toLocaleString('en');
  const money = (amount, currency) => amount === null || amount === undefined ? '' : number(Math.round(amount * 100) / 100) + ' ' + (currency || '');
  const say = (name, text) => { const one = place(name); if (one.textContent !== text) one.textContent = text; };

  function row(cells, share) {
    const line = document.createElement('tr');
    cells.forEach((text, at) => {
      const cell = document.createElement(at === 0 && share !== null ? 'th' : 'td'), inner = document.createElement('span');
      if (at === 0 && share !== null) {
        const bar = document.createElement('i');
        cell.scope = 'row'; bar.style.width = share + '%'; inner.title = text; cell.append(bar);
      }
      if (/^[\d–−]/.test(text) && at > 0) cell.className = 'n';
      inner.textContent = text; cell.append(inner); line.append(cell);
    });
    return line;
  }
  function list(name, items, cells, size) {
    const largest = Math.max(1, ...items.map(size));
    place(name).replaceChildren(...items.map((one) => row(cells(one), size(one) / largest * 100)));
  }

  const latest = [];
  function events(fresh) {
    latest.unshift(...fresh);
    latest.length = Math.min(latest.length, 20);
    place('latest').replaceChildren(...latest.map((one) => row([
      new Date(one.occurred_at).toLocaleTimeString('en-GB'), one.event, one.app, one.page || one.content_id || '', money(one.amount, one.currency)], null)));
  }
  const told = {
    active_users: (one) => { say('active', number(one.count ?? one.last_5_minutes)); say('active-30', number(one.last_30_minutes) + ' in 30 minutes'); },
    concurrent_readers: (one) => say('reading', number(one.count)),
    revenue_today: (one) => {
      say('revenue', money(one.amount, one.currency) || '–');
      say('payments', number(one.payments) + ' payments' + (one.not_counted ? ', ' + number(one.not_counted) + ' not counted' : ''));
    },
    new_registrations: (one) => { say('registrations', number(one.count ?? one.today)); say('registrations-30', number(one.last_30_minutes) + ' in 30 minutes'); },
    pages: (one) => list('pages', one.items, (page) => [page.page || '–', number(page.views), number(page.visitors)], (page) => page.views),
    popular_content: (one) => list('content', one.items, (item) => [item.content_id, number(item.views), number(item.reading_now)], (item) => item.views),
    events_per_minute: (one) => {
      const largest = Math.max(1, ...one.items.map((minute) => minute.events));
      say('events', number(one.items.reduce((sum, minute) => sum + minute.events, 0)) + ' in 30 minutes');
      place('minutes').replaceChildren(...one.items.map((minute) => {
        const bar = document.createElement('i');
        bar.style.height = minute.events / largest * 100 + '%';
        bar.title = new Date(minute.minute).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' }) + ': ' + number(minute.events);
        return bar;
      }));
    },
    new_event: (one) => events([one]),
    snapshot: (one) => {
      latest.length = 0;
      told.active_users(one.active_users);
      told.concurrent_readers({ count: one.concurrent_readers });
      told.revenue_today(one.revenue_today);
      told.new_registrations(one.new_registrations);
      for (const name of ['pages', 'popular_content', 'events_per_minute']) told[name]({ items: one[name] });
      events(one.recent_events);
      live.hidden = false; state.hidden = true;
      document.documentElement.dataset.live = 'on';
    },
  };

  let pause = 1000;
  function listen() {
    const address = new URL('/ws/analytics/live', location.href);
    address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    if (live.dataset.app) address.searchParams.set('app', live.dataset.app);
    const socket = new WebSocket(address);
    socket.addEventListener('message', (event) => { const one = JSON.parse(event.data); pause = 1000; told[one.type]?.(one); });
    socket.addEventListener('close', () => {
      state.textContent = 'The connection is gone; it is tried again.'; state.hidden = false;
      setTimeout(listen, pause); pause = Math.min(30000, pause * 2);
    });
  }
  listen();
})();
