// One artifact on one delegate with one number of threads, alone in this worker.

const ENGINES = { litert: './engines/litert.js', onnxruntime: './engines/onnxruntime.js' };
const WINDOW = 5; // runs whose median is compared with that of the runs before them
const STABLE = 0.05; // relative difference of two such medians
const TENTHS_OF_MICROSECONDS = 1e4; // in a millisecond

let model;
let work;

const commands = {
  /** Load the runtime, then the artifact, and run it once. */
  async start(order) {
    work = order;
    const { loadEngine } = await import(ENGINES[work.artifact.runtime]);
    limitThreads(work.threads);
    const engine = await loadEngine(work);
    const images = typed(work.artifact.input.dtype, work.images);
    const before = engine.memoryBytes();
    const start = performance.now();
    model = await engine.open(new Uint8Array(work.model), work.artifact.input);
    const loaded = performance.now();
    model.set(batch(images, 0));
    const ready = performance.now();
    await model.run();
    const done = performance.now();
    model.release();
    return {
      load_ms: loaded - start,
      first_ms: done - ready,
      memory_bytes: Math.max(0, engine.memoryBytes() - before),
    };
  },

  /** Run every batch and compare with the reference; null where outputs cannot be told apart. */
  async parity() {
    const { artifact } = work;
    if (!artifact.output.only) return null;
    const { compare } = await import('./parity.js');
    const images = typed(artifact.input.dtype, work.images);
    const rows = [];
    for (let i = 0; i < artifact.batches; i += 1) {
      model.set(batch(images, i));
      await model.run();
      rows.push(real(await model.output(), artifact.output));
      model.release();
    }
    model.set(batch(images, 0));
    return compare(new Float32Array(work.reference), rows);
  },

  /** Run until two medians are alike, or time is up; whether they came that close. */
  async warmUp({ seconds }) {
    const start = performance.now();
    let before = 0;
    while (performance.now() - start < seconds * 1000) {
      const times = [];
      for (let i = 0; i < WINDOW; i += 1) times.push(await timed());
      const median = times.sort((a, b) => a - b)[(WINDOW - 1) / 2];
      if (Math.abs(median - before) <= STABLE * before) return true;
      before = median;
    }
    return false;
  },

  /** The times of one round, in milliseconds. */
  async round({ runs, seconds }) {
    const times = [];
    const start = performance.now();
    while (times.length < runs || performance.now() - start < seconds * 1000) times.push(await timed());
    return times;
  },
};

async function timed() {
  const start = performance.now();
  await model.run();
  const end = performance.now();
  model.release();
  return Math.round((end - start) * TENTHS_OF_MICROSECONDS) / TENTHS_OF_MICROSECONDS; // finer than any clock here
}

/** Runtimes start as many threads as there are cores; let them see as many as are asked for. */
function limitThreads(threads) {
  Object.defineProperty(navigator, 'hardwareConcurrency', { value: threads });
}

function typed(dtype, buffer) {
  const kinds = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };
  return new kinds[dtype](buffer);
}

function batch(images, index) {
  const size = images.length / work.artifact.batches;
  return images.slice(index * size, (index + 1) * size);
}

function real(stored, { scale, zero_point: zeroPoint }) {
  return Float32Array.from(stored, (value) => (value - zeroPoint) * scale);
}

self.onmessage = async ({ data: { id, command, order } }) => {
  try {
    self.postMessage({ id, value: await commands[command](order) });
  } catch (error) {
    self.postMessage({ id, error: String(error?.message ?? error) });
  }
};
