// Times of one artifact as a strip: every run a dot, the middle 80 % a band, the median a bar.

const SVG = 'http://www.w3.org/2000/svg';
const MOST_DOTS = 150;

/** Median, tenth and ninetieth percentile (linear between neighbours) of times in milliseconds. */
export function summary(times) {
  const sorted = Float64Array.from(times).sort();
  const at = (share) => {
    const place = share * (sorted.length - 1);
    const low = Math.floor(place);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
  };
  return { runs: sorted.length, median: at(0.5), p10: at(0.1), p90: at(0.9), p95: at(0.95) };
}

/** Draw times on an axis from 0 to `end` milliseconds into an element. */
export function drawStrip(element, times, end) {
  const found = summary(times);
  const place = (ms) => `${(100 * Math.min(ms / end, 1)).toFixed(2)}%`;
  const svg = shape('svg', { role: 'img', 'aria-label': describe(found) });
  const width = `${(100 * (Math.min(found.p90, end) - found.p10) / end).toFixed(2)}%`;
  svg.append(shape('rect', { class: 'band', x: place(found.p10), y: 3, width, height: 24, rx: 3 }));
  const step = Math.max(1, Math.ceil(times.length / MOST_DOTS));
  for (let i = 0; i < times.length; i += step) {
    const cy = 7 + ((i * 7) % 17); // spread over the height, so that equal times do not hide each other
    svg.append(shape('circle', { class: 'run', cx: place(times[i]), cy, r: 1.8 }));
  }
  const x = place(found.median);
  svg.append(shape('line', { class: 'middle', x1: x, x2: x, y1: 4, y2: 26 }));
  element.replaceChildren(svg);
}

/** Milliseconds with three significant digits. */
export function ms(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function describe({ runs, median, p10, p90 }) {
  return `${runs} runs: median ${ms(median)} ms, 80 % of them from ${ms(p10)} to ${ms(p90)} ms`;
}

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  return element;
}
