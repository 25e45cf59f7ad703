'use strict';
(() => {
  const form = document.getElementById('question'), fields = document.getElementById('fields');
  const answer = document.getElementById('answer'), outline = document.getElementById('outline');
  const told = document.getElementById('told'), json = document.getElementById('json');
  const undo = document.getElementById('undo'), redo = document.getElementById('redo');
  const kind = () => form.elements.kind.value;
  const asText = () => new URLSearchParams(new FormData(form)).toString();
  let question = document.querySelector('.explore').dataset.question;
  let parts = new Map(), asking = null, settling = null, last = 0;

  // what the server made of each part of the form: a part is exchanged only where that is another now
  const partsOf = (root) => new Map([...root.querySelectorAll('[data-part]')].map((one) => [one.dataset.part, one.outerHTML]));

  function put(html, focus) {
    const fresh = document.createElement('div');
    fresh.innerHTML = html;
    const made = partsOf(fresh), before = document.activeElement?.name, at = document.activeElement;
    const caret = at?.selectionStart !== undefined && at.type === 'text' ? [at.selectionStart, at.selectionEnd] : null;
    const open = new Set([...fields.querySelectorAll('details[open]')].map((one) => one.dataset.fold));
    const value = at?.value, pressed = at?.tagName === 'BUTTON' ? at.value : null;
    if ([...made.keys()].join() !== [...parts.keys()].join()) fields.replaceChildren(...fresh.childNodes);
    else for (const [name, text] of made) {
      if (text === parts.get(name)) continue;
      const old = fields.querySelector(`[data-part="${CSS.escape(name)}"]`);
      old.replaceWith(fresh.querySelector(`[data-part="${CSS.escape(name)}"]`));
    }
    // what was unfolded stays so, and what the server unfolds is
    const isMore = fresh.querySelector('.more[open]');
    for (const one of fields.querySelectorAll('details')) if (open.has(one.dataset.fold) || (isMore && one.matches('.more'))) one.open = true;
    parts = made;
    if (focus !== null && focus !== undefined && focus !== '') look(focus);
    else if (before && !at.isConnected) {
      const again = [...form.elements].find((one) => one.name === before && (pressed === null || one.value === pressed));
      again?.focus();
      if (caret && again?.value === value) again.setSelectionRange(...caret);
    }
  }

  // the input of a name, else the first within it; `name:up` is the button that moved it
  function look(focus) {
    const [name, verb] = focus.split(':');
    const button = verb && [...form.elements].find((one) => one.value === `${verb}:${name}` && !one.disabled);
    const inputs = [...form.elements].filter((one) => one.type !== 'hidden' && one.name);
    const found = button || inputs.find((one) => one.name === name || one.name.startsWith(name + '.')) ||
      [...form.elements].find((one) => one.value === `add:${name}` || one.value === `on:${name}`);
    found?.focus();
  }

  function show(made, focus) {
    put(made.form, focus);
    question = made.question;
    if (document.activeElement !== json) json.value = made.json;
    document.getElementById('command').textContent = made.command;
    const address = document.getElementById('address');
    address.textContent = address.href = made.address;
    const keep = document.getElementById('keep');
    if (keep) {
      keep.elements.question.value = made.question;
      if (!keep.dataset.titled) keep.elements.title.value = made.title;
    }
    document.title = made.title + ' · Footfall';
  }

  async function fetched(address, signal) {
    const found = await fetch(address, { credentials: 'same-origin', signal });
    if (!found.ok) throw new Error(`${found.status}`);
    return found;
  }

  function say(text) {
    answer.innerHTML = '<p class="why"></p>';
    answer.firstChild.textContent = text;
  }

  // a change: the server says what the form is now, its JSON, and what is wrong with it
  async function settle(query, push = true) {
    settling?.abort();
    const mine = settling = new AbortController();
    const before = asText();
    let made;
    form.setAttribute('aria-busy', 'true');
    try {
      made = await (await fetched('/explore/form?' + query, mine.signal)).json();
    } catch (error) {
      if (error.name !== 'AbortError') say('The server did not answer. Load the page again.');
      return;
    } finally {
      if (settling === mine) form.removeAttribute('aria-busy');
    }
    const isTyped = asText() !== before && document.activeElement?.form === form;
    const isAnother = made.question !== question;
    if (isTyped) { question = made.question; settle(asText(), push); return; }
    show(made, made.focus);
    if (push && isAnother) {
      last = (history.state?.n || 0) + 1;
      history.pushState({ n: last, question }, '', made.address);
    }
    steps();
    if (!made.is_sound) {
      asking?.abort();
      sayWhatIsMarked();
    } else if (isAnother || !answer.querySelector('.answer-of')) ask();
  }

  function sayWhatIsMarked() {
    say('The question cannot be asked yet: see what is marked in the form.');
    told.textContent = [...fields.querySelectorAll('.wrong')].map((one) => one.firstChild.textContent.trim()).join(' ');
  }

  // the same answer of another publication: each of its figures is exchanged where it stands
  function exchanged(fresh) {
    const [old, now] = [answer, fresh].map((one) => [...one.querySelectorAll('.figure')]);
    const [said, says] = [answer, fresh].map((one) => one.querySelector('.warnings')?.textContent);
    if (!old.length || old.length !== now.length || said !== says) return false;
    const rows = fresh.querySelector('.answer-of').dataset.rows;
    old.forEach((one, place) => footfall.exchange(one, now[place]));
    answer.querySelector('.answer-of').dataset.rows = rows;
    return true;
  }

  async function ask(isAgain = false) {
    asking?.abort();
    const mine = asking = new AbortController();
    answer.classList.add('stale');
    // the answer before stays for a moment, then a still outline
    const wait = isAgain ? null : setTimeout(() => { answer.hidden = true; outline.hidden = false; }, 200);
    const done = () => { clearTimeout(wait); if (asking === mine) { answer.hidden = false; outline.hidden = true; answer.classList.remove('stale'); } };
    try {
      const found = await fetched('/explore/answer?' + new URLSearchParams({ question }), mine.signal);
      if (found.headers.get('content-type').includes('json')) {
        const made = await found.json();
        if (asking !== mine) return;
        show(made);
        sayWhatIsMarked();
      } else {
        const text = await found.text();
        if (asking !== mine) return;
        answer.hidden = false;
        const fresh = document.createElement('div');
        fresh.innerHTML = text;
        if (!isAgain || !exchanged(fresh)) {
          answer.replaceChildren(...fresh.childNodes);
          for (const figure of answer.querySelectorAll('.figure')) footfall.attach(figure);
        }
        await footfall.drawAll();
        const rows = answer.querySelector('.answer-of')?.dataset.rows;
        told.textContent = `Answered: ${rows} rows.`;
      }
      answer.dataset.answers = question;
    } catch (error) {
      if (error.name === 'AbortError') { if (asking === mine) say('Cancelled.'); } else say('The question could not be answered: ' + error.message);
    } finally {
      done();
    }
  }

  function steps() {
    undo.disabled = !(history.state?.n > 0);
    redo.disabled = !((history.state?.n || 0) < last);
  }

  form.addEventListener('change', () => settle(asText()));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const button = event.submitter;
    const query = new URLSearchParams(asText());
    if (button?.name === 'do') query.append('do', button.value);
    else if (document.activeElement?.blur && !button) document.activeElement.blur();
    settle(query.toString());
  });
  document.getElementById('as-json').addEventListener('submit', (event) => {
    event.preventDefault();
    settle(new URLSearchParams({ question: json.value }).toString());
  });
  json.addEventListener('change', () => settle(new URLSearchParams({ question: json.value }).toString()));
  document.getElementById('keep')?.elements.title.addEventListener('input', (event) => { event.target.form.dataset.titled = '1'; });
  document.getElementById('cancel').addEventListener('click', () => asking?.abort());

  addEventListener('footfall-published', () => { if (!fields.querySelector('.wrong')) ask(true); });

  undo.addEventListener('click', () => history.back());
  redo.addEventListener('click', () => history.forward());
  addEventListener('popstate', (event) => {
    if (event.state?.question) settle(new URLSearchParams({ question: event.state.question }).toString(), false);
  });
  addEventListener('keydown', (event) => {
    const isText = event.target.matches?.('input:not([type=checkbox]), textarea');
    if (!(event.ctrlKey || event.metaKey) || isText || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === 'z' && !event.shiftKey && !undo.disabled) { event.preventDefault(); history.back(); }
    if ((key === 'y' || (key === 'z' && event.shiftKey)) && !redo.disabled) { event.preventDefault(); history.forward(); }
  });

  // values are looked up when somebody is about to write one
  const looked = new Map();
  form.addEventListener('focusin', async (event) => {
    const input = event.target, key = input.dataset?.key && form.elements[input.dataset.key]?.value;
    if (!key) return;
    const query = new URLSearchParams({ key, event: input.dataset.event, app_of_names: form.elements.app.value }).toString();
    try {
      if (!looked.has(query)) looked.set(query, await (await fetched('/explore/values?' + query)).json());
    } catch { return; }
    input.list.replaceChildren(...looked.get(query).map((value) => Object.assign(document.createElement('option'), { value })));
  });

  addEventListener('click', async (event) => {
    const from = event.target.dataset?.copy && document.getElementById(event.target.dataset.copy);
    if (!from) return;
    const text = from.href || from.textContent;
    try { await navigator.clipboard.writeText(text); event.target.textContent = 'Copied'; } catch { getSelection().selectAllChildren(from); event.target.textContent = 'Selected'; }
    setTimeout(() => { event.target.textContent = 'Copy'; }, 2000);
  });

  parts = partsOf(fields);
  history.replaceState({ n: history.state?.n || 0, question }, '');
  last = history.state.n;
  steps();
  if (fields.querySelector('.wrong')) { /* what is marked is mended first */ }
  else if (!answer.querySelector('.answer-of')) ask();
  else answer.dataset.answers = question;
})();
