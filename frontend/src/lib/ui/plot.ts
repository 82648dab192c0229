import uPlot from "uplot";
import type { Marker, Series } from "./series";

const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3]];
// from a byte to some pebibytes
const BINARY = Array.from({ length: 54 }, (_, power) => 2 ** power);
const HOUR = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const FONT = '11px "JetBrains Mono Variable", monospace';

export interface PlotOptions {
  series: readonly Series[];
  markers: readonly Marker[];
  width: number;
  height: number;
  /** The largest value, where it is known: 1 for shares. */
  max: number | undefined;
  format: (value: number) => string;
  /** The axis is divided by powers of two: bytes. */
  binary: boolean;
  /** Charts with the same word share their cursor. */
  sync: string | undefined;
  /** Index of the measurement under the cursor, or null. */
  oncursor: (index: number | null) => void;
}

/** A canvas knows no custom properties: what the token is on this element, right now. */
function colour(host: HTMLElement, token: string): string {
  // where motion is reduced all changes take a moment, and the old colour would be read
  host.style.transition = "none";
  host.style.color = `var(--color-${token})`;
  const resolved = getComputedStyle(host).color;
  host.style.removeProperty("color");
  host.style.removeProperty("transition");
  return resolved;
}

function drawMarkers(host: HTMLElement, markers: readonly Marker[]) {
  return (plot: uPlot) => {
    const { ctx, bbox } = plot;
    for (const marker of markers) {
      const x = Math.round(plot.valToPos(marker.at, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = colour(host, marker.tone === "err" ? "err" : "ink3");
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const half = 4 * devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(x - half, bbox.top);
      ctx.lineTo(x + half, bbox.top);
      ctx.lineTo(x, bbox.top + 1.5 * half);
      ctx.fill();
      ctx.restore();
    }
  };
}

/** Labels of the time axis, `step` seconds apart: the day where days are told apart, or where one begins. */
function times(splits: number[], step: number): string[] {
  return splits.map((at) => {
    const date = new Date(at * 1000);
    const midnight = date.getHours() === 0 && date.getMinutes() === 0;
    return (step >= 86_400 || midnight ? DAY : HOUR).format(date);
  });
}

/** Draws `data` into `host`. The caller destroys what it gets. */
export function plot(host: HTMLElement, data: uPlot.AlignedData, options: PlotOptions): uPlot {
  const ink = colour(host, "ink3");
  const line = colour(host, "line");
  const axis = { stroke: ink, font: FONT, grid: { stroke: line, width: 1 }, ticks: { show: false }, gap: 6 };
  return new uPlot(
    {
      width: options.width,
      height: options.height,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { setScale: false },
        ...(options.sync === undefined ? {} : { sync: { key: options.sync } }),
      },
      scales: { y: { range: (_, __, most) => [0, options.max ?? (most > 0 ? most * 1.1 : 1)] } },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 26,
          space: 72,
          values: (_, splits, __, ___, step) => times(splits, step),
        },
        {
          ...axis,
          space: 36,
          size: (_, values) => 14 + 7 * Math.max(3, ...(values ?? []).map((value) => value.length)),
          values: (_, splits) => splits.map((value) => options.format(value)),
          ...(options.binary ? { incrs: BINARY } : {}),
        },
      ],
      series: [
        {},
        ...options.series.map(({ label }, index) => {
          const stroke = colour(host, `series${(index % 4) + 1}`);
          return { label, stroke, width: 1.5, dash: DASHES[index % 4] ?? [], spanGaps: false, points: { show: false } };
        }),
      ],
      hooks: {
        draw: [drawMarkers(host, options.markers)],
        setCursor: [({ cursor }) => options.oncursor(cursor.idx ?? null)],
      },
    },
    data,
    host,
  );
}
