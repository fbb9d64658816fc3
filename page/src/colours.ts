// Colours for a canvas, read from the style sheet, so that dark, light and forced colours hold.

export function colour(probe: HTMLElement, name: string): string {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

// Cividis in nine stops: as readable without red or green, and in print. Public domain values.
const STOPS = [
  [0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115],
  [138, 134, 120], [165, 156, 116], [195, 179, 105], [254, 232, 56],
] as const;

export function cividis(share: number): string {
  const place = Math.min(1, Math.max(0, share)) * (STOPS.length - 1);
  const low = Math.min(Math.floor(place), STOPS.length - 2);
  const mix = STOPS[low]!.map((a, i) => Math.round(a + (STOPS[low + 1]![i]! - a) * (place - low)));
  return `rgb(${mix.join(",")})`;
}
