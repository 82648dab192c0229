import type { Metric, StorageMetric } from "$lib/api";
import { metricTexts as texts } from "$lib/texts/metrics";
import { bytes, bytesPerSecond, percent } from "$lib/ui/format";
import type { Marker } from "$lib/ui/series";

/** One of the charts that are made of the same points. */
export interface ChartOf<P> {
  label: string;
  lines: readonly { label: string; of: (point: P) => number | null }[];
  format: (value: number) => string;
  max?: number;
  /** Bytes. */
  binary?: boolean;
  markers?: readonly Marker[];
}

/** Of a node, a guest or an application. `whole`: what all of its memory is called. */
export function chartsOf(
  points: readonly Metric[],
  whole: string,
  markers: readonly Marker[] = [],
): readonly ChartOf<Metric>[] {
  const disk: ChartOf<Metric> = {
    label: texts.disk,
    lines: [
      { label: texts.used, of: ({ disk_used }) => disk_used },
      { label: texts.size, of: ({ disk }) => disk },
    ],
    format: bytes,
    binary: true,
  };
  return [
    { label: texts.cpu, lines: [{ label: texts.cpu, of: ({ cpu }) => cpu }], format: percent, max: 1, markers },
    {
      label: texts.memory,
      lines: [
        { label: texts.used, of: ({ memory_used }) => memory_used },
        { label: whole, of: ({ memory }) => memory },
      ],
      format: bytes,
      binary: true,
    },
    // nobody knows how full the disk of a virtual machine is
    ...(points.some(({ disk_used }) => disk_used !== null) ? [disk] : []),
    {
      label: texts.network,
      lines: [
        { label: texts.in, of: ({ netin }) => netin },
        { label: texts.out, of: ({ netout }) => netout },
      ],
      format: bytesPerSecond,
      binary: true,
    },
  ];
}

export const chartsOfStorage: readonly ChartOf<StorageMetric>[] = [
  {
    label: texts.space,
    lines: [
      { label: texts.used, of: ({ used }) => used },
      { label: texts.size, of: ({ total }) => total },
    ],
    format: bytes,
    binary: true,
  },
];
