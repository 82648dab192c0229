import { time } from "$lib/texts/time";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Bytes in the units Proxmox shows (powers of 1024), three significant digits: `1.50 GiB`. */
export function bytes(value: number): string {
  if (!Number.isFinite(value)) return "–";
  let unit = 0;
  // a rounded 1024 would read "1024 MiB": it is the next unit's 1.00
  while (Math.abs(value) >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : significant(value)} ${UNITS[unit]}`;
}

function significant(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

export const mebibytes = (value: number): string => bytes(value * 1024 ** 2);
export const gibibytes = (value: number): string => bytes(value * 1024 ** 3);
export const bytesPerSecond = (value: number): string => `${bytes(value)}/s`;

/** A share from 0 to 1. Neither a little nor nearly all is rounded away: `<1%`, `>99%`. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  if (share > 0 && share < 0.005) return "<1%";
  if (share < 1 && share >= 0.995) return ">99%";
  return `${Math.round(share * 100)}%`;
}

/** A length of time in its two largest units: `1 h 05 min`. `ms`: milliseconds. */
export function duration(ms: number): string {
  if (ms > 0 && ms < 1000) return "<1 s";
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${two(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago, in one unit: `5 min`. What a server's clock puts into our future is now. */
export function age(at: number, now: number): string {
  const seconds = Math.floor((now - at) / 1000);
  if (seconds < 60) return `${Math.max(0, seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

const SHORT = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** `just now`, `5 min ago`, and after a month the day itself. */
export function relative(at: number, now: number): string {
  if (now - at < 10_000) return time.now;
  return now - at < 30 * 86_400_000 ? time.ago(age(at, now)) : SHORT.format(at);
}

export const day = (at: number): string => SHORT.format(at);

const EXACT = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const exact = (at: number): string => EXACT.format(at);
export const clockTime = (at: number): string => CLOCK.format(at);
