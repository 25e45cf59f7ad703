'use strict';
(() => {
  const themes = JSON.parse(document.getElementById('themes').textContent);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const button = document.getElementById('theme');
  const tip = document.getElementById('tip');
  const charts = [];
  let chosen = document.documentElement.dataset.theme || null;
  try { chosen ||= localStorage.getItem('footfall-theme'); } catch { /* a page from a file may have no storage */ }

  const theme = () => chosen || (dark.matches ? 'dark' : 'light');

  function show() {
    if (chosen) document.documentElement.dataset.theme = chosen;
    button.textContent = theme() === 'dark' ? 'Light' : 'Dark';
    button.setAttribute('aria-pressed', String(theme() === 'dark'));
  }

  // what is named in a spec by its place in the theme is put in here
  const coloured = (spec) => JSON.parse(JSON.stringify(spec), (key, value) =>
    typeof value === 'string' && key !== 's' && value.startsWith('token:') ? themes[theme()].colours[value.slice(6)] : value);

  function tell(chart, index, x, y) {
    const place = chart.places[index];
    tip.replaceChildren();
    if (!place) { tip.hidden = true; return; }
    const head = document.createElement('p');
    head.textContent = place.title + (place.open ? ', in progress' : '');
    tip.append(head);
    for (const [name, value, colour] of place.rows) {
      const line = document.createElement('div'), mark = document.createElement('i');
      const label = document.createElement('span'), number = document.createElement('b');
      mark.className = colour; label.textContent = name; number.textContent = value;
      line.append(mark, label, number);
      tip.append(line);
    }
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 4)) + 'px';
    tip.style.top = Math.max(4, Math.min(y + 14, innerHeight - box.height - 4)) + 'px';
  }

  // lines are named at their ends where there is room for it
  const isWide = (chart) => chart.place.clientWidth >= 440;

  async function draw(chart) {
    chart.drawn = theme();
    chart.isWide = isWide(chart);
    if (chart.view) chart.view.finalize();
    const spec = coloured(chart.spec), figure = chart.place.closest('.figure');
    const isEnd = (layer) => Boolean(layer.name?.startsWith('end_')), isNamed = chart.isWide && spec.layer.some(isEnd);
    if (!isNamed) spec.layer = spec.layer.filter((layer) => !isEnd(layer));
    figure.classList.toggle('named', isNamed);
    const result = await vegaEmbed(chart.place, spec, {
      mode: 'vega-lite', renderer: 'svg', actions: false, defaultStyle: false, ast: true, config: themes[theme()].config,
      tooltip: (handler, event, item, value) => {
        if (!value || item.datum.i === undefined) { tip.hidden = true; return; }
        tell(chart, item.datum.i, event.clientX, event.clientY);
      },
    });
    chart.view = result.view;
    chart.place.dataset.drawn = theme();
  }

  function keys(chart) {
    chart.index = chart.places.length;
    chart.place.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === 'Escape') tip.hidden = true;
      if (!step || !chart.view) return;
      event.preventDefault();
      chart.index = Math.max(0, Math.min(chart.places.length - 1, chart.index + step));
      const box = chart.place.querySelector('svg').getBoundingClientRect();
      tell(chart, chart.index, box.left + chart.view.origin()[0] + chart.view.scale('x')(chart.places[chart.index].x), box.top);
    });
    chart.place.addEventListener('blur', () => { tip.hidden = true; });
    chart.place.addEventListener('pointerleave', () => { tip.hidden = true; });
  }

  // one after another, those that are seen first, and the page answers in between
  async function drawAll() {
    const height = innerHeight;
    const order = [...charts].sort((a, b) => (a.place.getBoundingClientRect().top > height) - (b.place.getBoundingClientRect().top > height));
    for (const chart of order) {
      if ((chart.drawn !== theme() || chart.isWide !== isWide(chart)) && chart.place.isConnected) await draw(chart);
      await new Promise((next) => setTimeout(next));
    }
    document.documentElement.dataset.drawn = theme();
  }

  const quoted = (text) => (/[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text);

  function download(figure) {
    const table = figure.querySelector('table.data');
    const lines = [table.dataset.columns.split(',')];
    for (const row of table.tBodies[0].rows) lines.push([...row.cells].map((cell) => cell.dataset.value ?? cell.textContent));
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([lines.map((line) => line.map(quoted).join(',') + '\n').join('')], { type: 'text/csv' }));
    link.download = figure.dataset.figure + '.csv';
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function attach(figure) {
    figure.querySelector('button.csv')?.addEventListener('click', () => download(figure));
    figure.querySelector('.all')?.addEventListener('click', (event) => {
      figure.querySelector('.cut').classList.remove('cut');
      event.target.remove();
    });
    const spec = figure.querySelector('.spec');
    if (spec) {
      const chart = { place: figure.querySelector('.plot'), ...JSON.parse(spec.textContent) };
      charts.push(chart);
      keys(chart);
    }
  }

  // a page puts a fresh figure in the place of another
  function replace(old, fresh) {
    for (const chart of charts.filter((one) => old.contains(one.place))) {
      chart.view?.finalize();
      charts.splice(charts.indexOf(chart), 1);
    }
    tip.hidden = true;
    old.replaceWith(fresh);
    attach(fresh);
  }

  button.addEventListener('click', () => {
    chosen = theme() === 'dark' ? 'light' : 'dark';
    try { localStorage.setItem('footfall-theme', chosen); } catch { /* it holds for this page then */ }
    dispatchEvent(new CustomEvent('footfall-theme', { detail: chosen }));
    show();
    drawAll();
  });
  dark.addEventListener('change', () => { show(); drawAll(); });
  let resized;
  addEventListener('resize', () => { clearTimeout(resized); resized = setTimeout(drawAll, 200); });
  addEventListener('scroll', () => { tip.hidden = true; }, { passive: true });
  document.querySelectorAll('.figure').forEach(attach);
  window.footfall = { attach, replace, drawAll };
  show();
  // after the first paint
  requestAnimationFrame(() => setTimeout(drawAll));
})();
