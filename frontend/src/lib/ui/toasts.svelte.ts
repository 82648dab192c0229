export interface Toast {
  /** One toast per key: a later one takes the place of an earlier. An operation's id, for example. */
  key: string;
  tone: "ok" | "warn" | "err";
  title: string;
  text?: string | undefined;
  href?: string | undefined;
}

/** Results of what a person is not looking at. Failures stay until they are closed. */
class ToastList {
  #items = $state.raw<readonly Toast[]>([]);

  get items(): readonly Toast[] {
    return this.#items;
  }

  push(toast: Toast): void {
    this.#items = [...this.#items.filter(({ key }) => key !== toast.key), toast];
  }

  dismiss(key: string): void {
    this.#items = this.#items.filter((toast) => toast.key !== key);
  }

  clear(): void {
    this.#items = [];
  }
}

export const toasts = new ToastList();
