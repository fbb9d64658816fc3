// Numbers of the protocol, and numbers for people.
import type { Maybe, Num } from "./protocol";

const WORDS: Record<string, number> = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };

export function number(value: Num): number {
  return typeof value === "number" ? value : (WORDS[value] ?? NaN);
}

export function maybe(value: Maybe | undefined): number | null {
  return value === null || value === undefined ? null : number(value);
}

export function shown(value: number | null, digits = 4): string {
  if (value === null) return "–";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 1e5 || size < 1e-3 ? value.toExponential(digits - 2) : value.toPrecision(digits);
  return text.replace("e+", "e").replaceAll("-", "−");
}

// Without the zeros at its end: for what a person has written, such as a rate.
export function trimmed(value: number | null): string {
  return shown(value).replace(/(\.\d*?)0+(?=e|$)/, "$1").replace(/\.(?=e|$)/, "");
}

// Why a chart is not logarithmic, though it was asked to be; "" where it can be.
export function unlogged(below: number): string {
  if (below === 0) return "";
  const values = below === 1 ? "1 value" : `${below.toLocaleString("en")} values`;
  return `${values} at or below zero cannot stand on a logarithmic scale: linear.`;
}

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 1e-3) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toPrecision(3)} ms`;
  return `${seconds.toPrecision(3)} s`;
}

export function shape(value: string | number[] | null | undefined): string {
  if (value === null || value === undefined || value.length === 0) return "";
  return typeof value === "string" ? value : `[${value.join(", ")}]`;
}
