// What this device and its browser say of themselves.

/** Everything that the first message tells; unknown parts are 'unknown'. */
export async function deviceFacts() {
  const hints = await navigator.userAgentData?.getHighEntropyValues(
    ['model', 'platformVersion', 'architecture', 'bitness', 'fullVersionList'],
  ).catch(() => undefined);
  const said = fromUserAgent(navigator.userAgent);
  return {
    browser: hints ? brand(hints.fullVersionList) : said.browser,
    model: hints?.model || said.model,
    system: hints ? `${hints.platform} ${hints.platformVersion}`.trim() : said.system,
    architecture: hints?.architecture ? `${hints.architecture} ${hints.bitness} bit` : 'unknown',
    gpu: await gpuName(),
    cores: navigator.hardwareConcurrency || 1,
    secure: self.isSecureContext,
    isolated: self.crossOriginIsolated,
    relaxed_simd: WebAssembly.validate(RELAXED_SIMD),
    timer_ms: timerStep(),
  };
}

// (func (result v128) i32.const 0 i8x16.splat, twice, i8x16.relaxed_swizzle)
const RELAXED_SIMD = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0,
  65, 0, 253, 15, 65, 0, 253, 15, 253, 128, 2, 11,
);

function brand(list) {
  const named = list.filter(({ brand: name }) => !/not.?a.?brand/i.test(name));
  const best = named.find(({ brand: name }) => name !== 'Chromium') ?? named[0];
  return best ? `${best.brand} ${best.version}` : 'unknown';
}

/** What a user agent's text tells, for browsers and pages that have no better way. */
export function fromUserAgent(agent) {
  return { browser: browserOf(agent), model: modelOf(agent), system: systemOf(agent) };
}

function browserOf(agent) {
  const found = Object.keys(BRANDS).find((token) => agent.includes(`${token}/`));
  if (found) return `${BRANDS[found]} ${agent.split(`${found}/`)[1].match(/^[\d.]*/)[0]}`;
  const safari = agent.match(/Version\/([\d.]+).* Safari\//);
  return safari ? `Safari ${safari[1]}` : 'unknown';
}

// How browsers sign, the particular before those that they descend from.
const BRANDS = {
  Firefox: 'Firefox', FxiOS: 'Firefox', CriOS: 'Chrome', EdgA: 'Edge', Edg: 'Edge',
  SamsungBrowser: 'Samsung Internet', Chrome: 'Chrome',
};

function modelOf(agent) {
  const apple = agent.match(/\((iPhone|iPad|Macintosh)/);
  if (apple) return apple[1];
  const android = agent.match(/Android [\d.]+; ([^;)]+)/);
  return android && !['K', 'Mobile', 'Tablet'].includes(android[1]) ? android[1] : 'unknown'; // K: any model
}

function systemOf(agent) {
  const ios = agent.match(/OS (\d+(?:_\d+)*) like Mac OS X/);
  if (ios) return `iOS ${ios[1].replaceAll('_', '.')}`;
  const other = agent.match(/Android [\d.]+|Windows NT [\d.]+|Mac OS X [\d_]+/) ?? agent.match(/Linux/);
  return other ? other[0].replaceAll('_', '.') : 'unknown';
}

/** The WebGPU adapter, as far as the browser names it; null without WebGPU. */
async function gpuName() {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  if (!adapter) return null;
  const { vendor, architecture, device, description } = adapter.info ?? {};
  return description || [vendor, device || architecture].filter(Boolean).join(' ') || 'unnamed';
}

/** The smallest step of the clock, in milliseconds. */
function timerStep() {
  let smallest = Infinity;
  for (let i = 0; i < 10; i += 1) {
    const start = performance.now();
    let now = start;
    while (now === start) now = performance.now();
    smallest = Math.min(smallest, now - start);
  }
  return smallest;
}
