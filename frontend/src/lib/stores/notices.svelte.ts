/** What a person is told about what they asked for and are not looking at any more. */

/** `proxmox`: Proxmox's own words, unchanged. An error stays until it is closed. */
export interface Notice {
  readonly id: number;
  readonly tone: "ok" | "warn" | "err";
  readonly title: string;
  readonly detail: string;
  readonly proxmox: string;
  readonly operationId: string | null;
}

class Notices {
  #all = $state.raw<readonly Notice[]>([]);
  #next = 1;

  get all(): readonly Notice[] {
    return this.#all;
  }

  add(notice: Omit<Notice, "id">): void {
    this.#all = [...this.#all, { ...notice, id: this.#next++ }];
  }

  close(id: number): void {
    this.#all = this.#all.filter((notice) => notice.id !== id);
  }
}

export const notices = new Notices();
