import { createSubscriber } from "svelte/reactivity";

let now = Date.now();

const subscribe = createSubscriber((update) => {
  let timer: ReturnType<typeof setTimeout>;
  const tick = () => {
    now = Date.now();
    if (!document.hidden) update();
    timer = setTimeout(tick, 1000);
  };
  tick();
  return () => clearTimeout(timer);
});

/** The time in milliseconds. Whoever reads it in an effect or template is run again each second. */
export function currentTime(): number {
  subscribe();
  return now;
}
