// As many decimals as the ticks have: one of 0.25 is not called 0.3.
export function labels(ticks: (number | null)[]): string[] {
  const step = Math.abs((ticks[1] ?? 0) - (ticks[0] ?? 0)) || 1;
  const exact = (digits: number) =>
    ticks.every((one) => one === null || Math.abs(one - +one.toFixed(digits)) < 1e-4 * step);
  let digits = 0;
  while (digits < 6 && !exact(digits)) digits++;
  return ticks.map((one) => {
    if (one === null) return "";
    if (digits > 5 || Math.abs(one) >= 1e5) return (+one.toPrecision(3)).toExponential().replace("e+", "e");
    return String(+one.toFixed(digits));
  });
}
