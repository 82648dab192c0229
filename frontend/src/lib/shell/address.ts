import { goto } from "$app/navigation";
import { page } from "$app/state";

/** Keeps a choice in the address, where it outlasts a reload and can be sent to others. `usual` is not written. */
export function keep(name: string, value: string, usual = ""): void {
  const url = new URL(page.url);
  if (value === usual || value === "") url.searchParams.delete(name);
  else url.searchParams.set(name, value);
  void goto(url, { replaceState: true, keepFocus: true, noScroll: true });
}

/** As the page was before anybody chose anything. */
export function forgetAll(): void {
  void goto(page.url.pathname, { replaceState: true, keepFocus: true });
}
