// LiteRT.js: XNNPACK in WebAssembly, or WebGPU. Runs in a classic worker, because its loader calls importScripts.

const FOLDER = new URL('./runtimes/litert/', self.location.href).href;
const THREADED = 'litert_wasm_threaded_internal.js';

/** Load the runtime itself, before the clock of any artifact starts. */
export async function loadEngine({ delegate, threads }) {
  const litert = await import(`${FOLDER}index.js`);
  // In a worker the runtime cannot find its own script, which its threads have to load.
  self.Module = { locateFile: (name) => FOLDER + name, mainScriptUrlOrBlob: FOLDER + THREADED };
  const runtime = await litert.loadLiteRt(FOLDER, { threads: threads > 1 });
  if (delegate === 'WebGPU') {
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) throw new Error('the browser offers no WebGPU adapter');
    if (!runtime.getWebGpuDevice()) throw new Error('LiteRT.js found no WebGPU device');
  }
  const options = delegate === 'WebGPU'
    ? { accelerator: 'webgpu' }
    : { accelerator: 'wasm', cpuOptions: { numThreads: threads } };
  return {
    memoryBytes: () => runtime.liteRtWasm.HEAPU8.buffer.byteLength,
    open: (bytes, input) => open(litert, bytes, input, options),
  };
}

async function open(litert, bytes, input, options) {
  const compiled = await litert.loadAndCompile(bytes, options);
  if (options.accelerator === 'webgpu' && !compiled.isFullyAccelerated) {
    compiled.delete();
    throw new Error('WebGPU does not take all of its operators');
  }
  let tensor;
  let outputs = [];
  const release = () => outputs.forEach((one) => one.delete());
  return {
    set(values) {
      tensor?.delete();
      tensor = new litert.Tensor(values, input.shape);
    },
    // On WebGPU a run is over only when its output can be read.
    run: options.accelerator === 'webgpu'
      ? async () => {
        outputs = await compiled.run(tensor);
        await outputs[0].data();
      }
      : async () => { outputs = await compiled.run(tensor); },
    output: async () => (await outputs[0].data()).slice(),
    release() {
      release();
      outputs = [];
    },
  };
}
