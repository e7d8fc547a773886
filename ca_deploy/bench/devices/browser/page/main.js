// The walk of one run: who am I, what is to do, start, measure, send back.

import { deviceFacts } from './facts.js';
import { download, fetchJob, sayGoodbye, sayHello, tell, tellLast } from './link.js';
import { measureTogether } from './session.js';
import { View } from './view.js';

const view = new View(document);
const MOST_TEXT = 400; // characters of a runtime's complaint that are sent
const CLOSING_MS = 500;

let hidden = false;

async function main(onEnd) {
  const facts = await deviceFacts();
  view.showDevice(facts);
  const job = await fetchJob();
  const groups = plan(job, facts);
  view.showJob(job, groups);
  await view.started();
  await sayHello(facts, onEnd); // only now: a scanner's preview must not be taken for the phone
  const wake = await keepAwake();
  document.addEventListener('visibilitychange', () => { hidden ||= document.hidden; });
  const content = await load(job);
  const { measured, skipped } = await measure(job, groups, content);
  const result = { measured, skipped: [...withoutRelaxedSimd(job, facts), ...skipped] };
  await tellLast({ kind: 'result', ...result, hidden });
  wake?.release();
  view.finished(result);
}

/** What runs beside what: for each number of threads all artifacts, and WebGPU once. */
function plan(job, facts) {
  const counts = facts.isolated ? job.threads : [1];
  const groups = counts.map((threads) => job.artifacts.flatMap((artifact, index) => {
    const litert = artifact.runtime === 'litert';
    if (litert && threads > 1 && !facts.relaxed_simd) return []; // its threaded build needs it
    return [{ artifact, index, threads, delegate: litert ? 'XNNPACK' : 'WebAssembly' }];
  })).filter((group) => group.length);
  const gpu = facts.gpu === null ? [] : job.artifacts.flatMap((artifact, index) => (
    artifact.runtime === 'litert' ? [{ artifact, index, threads: 1, delegate: 'WebGPU' }] : []));
  return gpu.length ? [...groups, gpu] : groups;
}

/** What `plan` leaves out where LiteRT.js's threaded build does not run. */
function withoutRelaxedSimd(job, facts) {
  if (facts.relaxed_simd || !facts.isolated) return [];
  const reason = 'the browser has no relaxed SIMD, which LiteRT.js needs for threads';
  return job.threads.filter((threads) => threads > 1).flatMap((threads) => (
    job.artifacts.flatMap(({ runtime }, artifact) => (
      runtime === 'litert' ? [{ artifact, delegate: 'XNNPACK', threads, reason }] : []))));
}

async function load(job) {
  const total = job.artifacts.reduce((sum, { bytes }) => sum + bytes, 0);
  let arrived = 0;
  view.step('Loading artifacts', total);
  return Promise.all(job.artifacts.map(async ({ place }) => {
    const model = await download(`${place}/model`, (bytes) => { arrived += bytes; view.done(arrived); });
    const [images, reference] = await Promise.all([download(`${place}/images`), download(`${place}/reference`)]);
    return { model, images, reference };
  }));
}

async function measure(job, groups, content) {
  const measured = [];
  const skipped = [];
  for (const group of groups) {
    const text = titleOf(group[0]);
    await tell({ kind: 'step', text, total: job.effort.rounds });
    const watch = {
      prepare: (candidate) => view.prepare(candidate),
      ready: (candidate, parity) => view.ready(candidate, parity),
      warm: (candidate) => view.warm(candidate),
      times: (candidate, rounds) => view.times(candidate, rounds),
      async round(index) {
        if (index === 0) view.step(`Timing ${text}`, job.effort.rounds);
        view.done(index + 1);
        await tell({ kind: 'round' });
      },
      skip(candidate, reason) {
        view.skip(candidate, reason);
        skipped.push({ ...label(candidate), reason: reason.slice(0, MOST_TEXT) });
      },
    };
    const candidates = group.map((one) => ({ ...one, ...content[one.index] }));
    view.step(`Preparing ${text}`);
    for (const { candidate, ...rest } of await measureTogether(candidates, job.effort, watch)) {
      measured.push({ ...label(candidate), ...rest });
    }
  }
  return { measured, skipped };
}

function titleOf({ delegate, threads }) {
  if (delegate === 'WebGPU') return 'on WebGPU';
  return `on ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}

function label({ index, delegate, threads }) {
  return { artifact: index, delegate, threads };
}

/** A phone that dims its screen slows down; browsers offer this only where the page is secure. */
async function keepAwake() {
  return navigator.wakeLock?.request('screen').catch(() => null);
}

const ended = new Promise((resolve, reject) => { main(reject).then(resolve, reject); });

ended.catch((error) => {
  view.failed(error.message);
  // A page that is being closed loses its connections first, and then says itself that it is closed.
  setTimeout(() => {
    sayGoodbye();
    tell({ kind: 'failed', reason: String(error.message).slice(0, MOST_TEXT) }).catch(() => {});
  }, CLOSING_MS);
});
