// Measures artifacts beside each other: one worker each, taking turns, A B A B ...

/** A worker that answers one command at a time. */
class Runner {
  constructor() {
    this.worker = new Worker('worker.js');
    this.waiting = new Map();
    this.next = 0;
    this.worker.onmessage = ({ data: { id, value, error } }) => {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) resolve(value); else reject(new Error(error));
    };
    this.worker.onerror = (event) => {
      event.preventDefault();
      const error = new Error(event.message || 'its worker could not be started');
      this.waiting.forEach(({ reject }) => reject(error));
      this.waiting.clear();
    };
  }

  call(command, order = {}) {
    this.next += 1;
    const id = this.next;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, command, order });
    });
  }

  end() {
    this.worker.terminate();
  }
}

/**
 * Measure candidates ({artifact, delegate, threads, model, images, reference}) that run together.
 *
 * `watch` is told what happens: prepare(candidate), ready(candidate, parity), warm(candidate),
 * times(candidate, rounds so far), round(index), skip(candidate, reason). Gives a record of each candidate that ran.
 */
export async function measureTogether(candidates, effort, watch) {
  let running = [];
  const drop = (one, error) => {
    running = running.filter((other) => other !== one);
    one.runner.end();
    watch.skip(one.candidate, error.message);
  };
  try {
    for (const candidate of candidates) {
      watch.prepare(candidate);
      const one = await prepare(candidate, effort, watch);
      if (one) running.push(one);
    }
    const runs = Math.ceil(effort.runs / effort.rounds);
    const seconds = effort.seconds / effort.rounds;
    for (let i = 0; i < effort.rounds; i += 1) {
      for (const one of running) {
        try {
          one.rounds.push(await one.runner.call('round', { runs, seconds }));
          watch.times(one.candidate, one.rounds);
        } catch (error) {
          drop(one, error);
        }
      }
      await watch.round(i);
    }
    return running.map(({ runner, ...record }) => record);
  } finally {
    running.forEach(({ runner }) => runner.end());
  }
}

async function prepare(candidate, effort, watch) {
  const runner = new Runner();
  try {
    const start = await runner.call('start', candidate);
    const parity = await runner.call('parity');
    watch.ready(candidate, parity);
    const stable = await runner.call('warmUp', { seconds: effort.warm_up_seconds });
    watch.warm(candidate);
    return { candidate, runner, start, parity, stable, rounds: [] };
  } catch (error) {
    runner.end();
    watch.skip(candidate, error.message);
    return null;
  }
}
