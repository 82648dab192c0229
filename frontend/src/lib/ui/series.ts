/** A line of a chart; `values` has one for each time, null where there is none. */
export interface Series {
  label: string;
  values: readonly (number | null)[];
}

/** Something that happened, drawn as a vertical line. `at`: seconds since 1970. */
export interface Marker {
  at: number;
  label: string;
  tone?: "neutral" | "err" | undefined;
}

/** Data as uPlot takes it, times in seconds. Where two times are more than 2.5 steps apart, nothing was measured:
 * a null between them keeps the line from being joined. `step`: seconds between measurements. */
export function withGaps(times: readonly number[], series: readonly Series[], step: number) {
  const x: number[] = [];
  const ys: (number | null)[][] = series.map(() => []);
  times.forEach((time, index) => {
    const before = times[index - 1];
    if (before !== undefined && time - before > 2.5 * step) {
      x.push(before + step);
      for (const y of ys) y.push(null);
    }
    x.push(time);
    series.forEach(({ values }, line) => ys[line]?.push(values[index] ?? null));
  });
  return [x, ...ys] as [number[], ...(number | null)[][]];
}

/** At most `most` indices, evenly spread, the last one always among them: for the table that stands for a chart. */
export function sampled(count: number, most: number): number[] {
  const stride = Math.max(1, Math.ceil(count / most));
  const indices: number[] = [];
  for (let index = count - 1; index >= 0; index -= stride) indices.unshift(index);
  return indices;
}
