// ONNX Runtime Web on its WebAssembly execution provider.

const FOLDER = new URL('./runtimes/onnxruntime/', self.location.href).href;

/** Load the runtime itself, before the clock of any artifact starts. */
export async function loadEngine({ threads }) {
  const memories = watchMemories();
  const ort = await import(`${FOLDER}ort.wasm.min.mjs`);
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = FOLDER;
  // It starts its WebAssembly with the first artifact; this one is empty and fails, but only after that.
  await ort.InferenceSession.create(new Uint8Array(1)).catch(() => {});
  return {
    memoryBytes: () => memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0),
    open: (bytes, input) => open(ort, bytes, input),
  };
}

/** The runtime does not show its memory; it makes it through this constructor. */
function watchMemories() {
  const made = [];
  WebAssembly.Memory = class extends WebAssembly.Memory {
    constructor(descriptor) {
      super(descriptor);
      made.push(this);
    }
  };
  return made;
}

async function open(ort, bytes, input) {
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
  const feeds = {};
  let outputs = {};
  return {
    set(values) {
      feeds[session.inputNames[0]] = new ort.Tensor(input.dtype, values, input.shape);
    },
    run: async () => { outputs = await session.run(feeds); },
    output: async () => outputs[session.outputNames[0]].data.slice(),
    release() {
      Object.values(outputs).forEach((one) => one.dispose());
      outputs = {};
    },
  };
}
