// Everything that is shown. Text goes in as text, never as markup.

import { drawStrip, ms, summary } from './plot.js';

const BADGES = { waiting: 'Ready', running: 'Measuring', finished: 'Finished', failed: 'Stopped' };
const RUNTIMES = { litert: 'LiteRT.js', onnxruntime: 'ONNX Runtime Web' };

export class View {
  constructor(page) {
    this.page = page;
    this.groups = new Map(); // by title: {element, rows: Map of index to {element, times}}
  }

  showDevice(facts) {
    const step = facts.timer_ms < 1 ? `${Math.round(facts.timer_ms * 1000)} µs` : `${ms(facts.timer_ms)} ms`;
    this.#list('facts', [
      ['Browser', facts.browser],
      ['Model', facts.model],
      ['System', facts.system],
      ['Cores', facts.cores],
      ['Threads', facts.isolated ? 'available' : 'not available'],
      ['WebGPU', facts.gpu ?? 'not available'],
      ['Clock', `steps of ${step}`],
    ]);
    this.#get('device').hidden = false;
    if (!facts.secure) {
      this.notice('This connection is not encrypted, so the browser allows neither threads nor WebGPU: '
        + 'figures are for WebAssembly on one thread.');
    } else if (!facts.isolated) {
      this.notice('The browser did not isolate this page, so only one thread is measured.');
    }
    if (!facts.relaxed_simd) {
      this.notice('This browser has no relaxed SIMD, so LiteRT.js runs its slower build on one thread.');
    }
  }

  showJob(job, groups) {
    this.minimum = job.min_sqnr_db;
    const runs = groups.reduce((sum, group) => sum + group.length, 0);
    const list = this.#get('artifact-list');
    job.artifacts.forEach(({ name, runtime, bytes }) => {
      list.append(this.#entry(name, `${RUNTIMES[runtime]}, ${megabytes(bytes)}`));
    });
    this.#get('artifacts').hidden = false;
    const seconds = runs * (job.effort.seconds + job.effort.warm_up_seconds + 1);
    this.#state('waiting', 'Ready when you are', `${count(runs, 'measurement')}, about ${about(seconds)}. Keep this `
      + 'page in front and the device awake; a charger and a cool place make figures steadier.');
  }

  /** Wait for the tap on the button. */
  async started() {
    const button = this.#get('start');
    button.hidden = false;
    await new Promise((resolve) => { button.addEventListener('click', resolve, { once: true }); });
    button.hidden = true;
    this.#get('artifacts').hidden = true;
  }

  /** Name what is going on; the bar pulses until there is a total and a count. */
  step(text, total) {
    this.#state('running', text, 'Keep this page in front.');
    const bar = this.#get('bar');
    bar.hidden = false;
    bar.removeAttribute('value');
    if (total) bar.max = total;
  }

  done(value) {
    this.#get('bar').value = value;
  }

  prepare(candidate) {
    this.#row(candidate).element.querySelector('.spread').textContent = 'loading';
  }

  ready(candidate, parity) {
    const { element } = this.#row(candidate);
    element.querySelector('.spread').textContent = 'warming up';
    const place = element.querySelector('.parity');
    const good = parity === null || parity.sqnr_db === null || parity.sqnr_db >= this.minimum;
    place.classList.add(good ? 'good' : 'bad');
    place.textContent = parityText(parity, good);
  }

  warm(candidate) {
    this.#row(candidate).element.querySelector('.spread').textContent = 'ready';
  }

  times(candidate, rounds) {
    const row = this.#row(candidate);
    row.times = rounds.flat();
    const found = summary(row.times);
    const unit = this.page.createElement('small');
    unit.textContent = ' ms';
    row.element.querySelector('.median').replaceChildren(ms(found.median), unit);
    const spread = `p10 ${ms(found.p10)} · p90 ${ms(found.p90)} · ${found.runs} runs`;
    row.element.querySelector('.spread').textContent = spread;
    this.#redraw(titleOf(candidate));
  }

  skip(candidate, reason) {
    const { element } = this.#row(candidate);
    element.classList.add('skipped');
    element.querySelector('.median').textContent = '';
    element.querySelector('.spread').textContent = `did not run: ${reason}`;
  }

  notice(text) {
    const entry = this.page.createElement('li');
    entry.textContent = text;
    this.#get('notices').append(entry);
  }

  finished({ measured, skipped }) {
    this.#get('bar').hidden = true;
    this.#get('groups').append(...[...this.groups.values()].map(({ element }) => element)); // in order
    const left = skipped.length ? `, ${skipped.length} did not run` : '';
    const sent = `${count(measured.length, 'measurement')} sent back${left}.`;
    this.#state('finished', 'Done', `${this.#fastest()}${sent} You can close this page.`);
  }

  failed(reason) {
    this.#get('bar').hidden = true;
    this.#get('start').hidden = true;
    this.#get('artifacts').hidden = true;
    this.#state('failed', 'This run is over', reason);
  }

  /** Which artifact took the least time, as a sentence. */
  #fastest() {
    const rows = [...this.groups].flatMap(([title, { rows: found }]) => (
      [...found.values()].filter(({ times }) => times.length).map((row) => ({ ...row, title }))));
    if (rows.length < 2) return '';
    const medians = rows.map(({ times }) => summary(times).median);
    const { element, title } = rows[medians.indexOf(Math.min(...medians))];
    return `Fastest: ${element.querySelector('.name').textContent} on ${title}, ${ms(Math.min(...medians))} ms. `;
  }

  #redraw(title) {
    const { element, rows } = this.groups.get(title);
    const drawn = [...rows.values()].filter(({ times }) => times.length);
    const end = 1.08 * Math.max(...drawn.map(({ times }) => summary(times).p95));
    drawn.forEach(({ element: row, times }) => drawStrip(row.querySelector('.plot'), times, end));
    element.querySelector('.axis .end').textContent = `${ms(end)} ms`;
  }

  #row(candidate) {
    const group = this.#group(titleOf(candidate));
    if (!group.rows.has(candidate.index)) {
      const element = this.#get('row').content.firstElementChild.cloneNode(true);
      element.dataset.delegate = candidate.delegate;
      element.querySelector('.name').textContent = candidate.artifact.name;
      element.querySelector('.runtime').textContent = runtimeOf(candidate);
      group.element.querySelector('.rows').append(element);
      group.rows.set(candidate.index, { element, times: [] });
    }
    return group.rows.get(candidate.index);
  }

  #group(title) {
    if (!this.groups.has(title)) {
      const element = this.#get('group').content.firstElementChild.cloneNode(true);
      element.querySelector('h2').textContent = title;
      this.#get('groups').prepend(element); // the newest on top, where the eye is
      this.groups.set(title, { element, rows: new Map() });
    }
    return this.groups.get(title);
  }

  #state(state, headline, detail) {
    this.#get('status').dataset.state = state;
    this.#get('badge').textContent = BADGES[state];
    this.#get('headline').textContent = headline;
    this.#get('detail').textContent = detail;
  }

  #list(id, pairs) {
    this.#get(id).append(...pairs.flatMap(([name, value]) => {
      const [term, text] = ['dt', 'dd'].map((tag) => this.page.createElement(tag));
      term.textContent = name;
      text.textContent = value;
      return [term, text];
    }));
  }

  #entry(name, note) {
    const [item, strong, span] = ['li', 'b', 'span'].map((tag) => this.page.createElement(tag));
    strong.textContent = name;
    span.textContent = note;
    item.append(strong, span);
    return item;
  }

  #get(id) {
    return this.page.getElementById(id);
  }
}

function titleOf({ delegate, threads }) {
  return delegate === 'WebGPU' ? 'WebGPU' : count(threads, 'thread');
}

function runtimeOf({ artifact, delegate }) {
  const name = RUNTIMES[artifact.runtime];
  return delegate === 'WebAssembly' ? name : `${name} · ${delegate}`;
}

function parityText(parity, good) {
  if (parity === null) return 'parity not checked';
  const figure = parity.sqnr_db === null ? 'exact' : `${parity.sqnr_db.toFixed(0)} dB`;
  return `${good ? '✓' : '✗'} parity ${figure}`;
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function count(n, noun) {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

function about(seconds) {
  return seconds < 90 ? `${Math.ceil(seconds / 10) * 10} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
