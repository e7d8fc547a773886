// How closely outputs computed here agree with those of the machine that sent them.

/**
 * Compare rows of outputs with the reference, which holds them one after the other.
 * SQNR = 10 log10(sum ref^2 / sum (ref - x)^2) in dB over all rows together; null when there is no noise.
 */
export function compare(reference, rows) {
  let signal = 0;
  let noise = 0;
  let maxAbs = 0;
  rows.forEach((row, index) => row.forEach((x, i) => {
    if (!Number.isFinite(x)) throw new Error('its output holds NaN or infinity');
    const wanted = reference[index * row.length + i];
    signal += wanted * wanted;
    noise += (wanted - x) ** 2;
    maxAbs = Math.max(maxAbs, Math.abs(wanted - x));
  }));
  return {
    identical: maxAbs === 0,
    max_abs: maxAbs,
    sqnr_db: noise > 0 ? 10 * Math.log10(Math.max(signal, Number.MIN_VALUE) / noise) : null,
  };
}
