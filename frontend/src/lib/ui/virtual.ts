/** Where each row begins, in pixels; one more for the end of the last. */
export function offsetsOf<T>(items: readonly T[], height: number | ((item: T) => number)): Float64Array {
  const offsets = new Float64Array(items.length + 1);
  items.forEach((item, index) => {
    offsets[index + 1] = (offsets[index] ?? 0) + (typeof height === "number" ? height : height(item));
  });
  return offsets;
}

/** The last row that begins at or before `top`. */
export function rowAt(offsets: Float64Array, top: number): number {
  let low = 0;
  let high = offsets.length - 2;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((offsets[middle] ?? 0) <= top) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

/** The rows to draw, from `first` to before `end`, with `overscan` more on each side. */
export function windowOf(offsets: Float64Array, top: number, viewport: number, overscan: number) {
  const count = offsets.length - 1;
  if (count === 0) return { first: 0, end: 0 };
  return {
    first: Math.max(0, rowAt(offsets, top) - overscan),
    end: Math.min(count, rowAt(offsets, top + viewport) + 1 + overscan),
  };
}

/** The row a key leads to from row `at`; undefined for any other key. `page`: rows in view. */
export function moveTo(key: string, at: number, count: number, page: number): number | undefined {
  const last = count - 1;
  switch (key) {
    case "ArrowDown":
    case "j":
      return Math.min(last, at + 1);
    case "ArrowUp":
    case "k":
      return Math.max(0, at - 1);
    case "PageDown":
      return Math.min(last, at + page);
    case "PageUp":
      return Math.max(0, at - page);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return undefined;
  }
}
