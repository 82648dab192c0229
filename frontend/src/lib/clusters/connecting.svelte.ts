import { body, client, type Operation, Problem } from "$lib/api";
import type { components } from "$lib/api/schema";
import { ask, Once } from "$lib/stores";
import { wizard } from "$lib/texts/clusters";

import { endpointOf, nameOf } from "./address";
import { TOKEN_ID } from "./pveum";

export type Probed = components["schemas"]["Probed"];
export const VMIDS = { first_vmid: 20_000, last_vmid: 29_999 } as const;
export const STAGES = ["address", "certificate", "token", "check"] as const;
export type Stage = (typeof STAGES)[number];

/** Where a person stands on the way to a connected cluster. Nothing is stored on the server before `connect`. */
export class Connecting {
  tokenId = $state(TOKEN_ID);
  secret = $state("");
  /** Of new containers; null while no number is typed. */
  firstVmid = $state<number | null>(VMIDS.first_vmid);
  lastVmid = $state<number | null>(VMIDS.last_vmid);
  readonly #once = new Once();
  #stage = $state.raw<Stage>("address");
  #address = $state("");
  #name = $state<string | null>(null);
  #probed = $state.raw<Probed | null>(null);
  #trusted = $state.raw(false);
  #busy = $state.raw(false);
  #problem = $state.raw<Problem | null>(null);
  #clusterId = $state.raw<string | null>(null);
  #ended = $state.raw<Operation | null>(null);

  get stage(): Stage {
    return this.#stage;
  }
  get probed(): Probed | null {
    return this.#probed;
  }
  get busy(): boolean {
    return this.#busy;
  }
  /** Why the step could not be done. */
  get problem(): Problem | null {
    return this.#problem;
  }
  get clusterId(): string | null {
    return this.#clusterId;
  }
  /** What became of connecting. */
  get ended(): Operation | null {
    return this.#ended;
  }
  get endpoint(): string {
    return endpointOf(this.#address);
  }
  get address(): string {
    return this.#address;
  }
  /** Another address is another machine: whatever was found out about the one before is worth nothing. */
  set address(typed: string) {
    const before = this.endpoint;
    this.#address = typed;
    if (this.endpoint !== before) this.#startOver();
  }
  get name(): string {
    return this.#name ?? nameOf(this.endpoint);
  }
  set name(typed: string) {
    this.#name = typed;
  }

  has(stage: Stage): boolean {
    if (stage === "address") return this.#probed !== null;
    if (stage === "certificate") return this.#trusted;
    return stage === "token" && this.#clusterId !== null;
  }

  /** Back to a step that was done. */
  back(stage: Stage): void {
    this.#stage = stage;
    this.#problem = null;
    this.#clusterId = this.#ended = null;
    if (stage === "certificate") this.#trusted = false;
  }

  async look(): Promise<void> {
    const endpoint = this.endpoint;
    if (this.#probed) {
      this.#stage = this.#trusted ? "token" : "certificate";
      return;
    }
    const seen = await this.#attempt(() => body(client.POST("/api/v1/clusters/probe", { body: { endpoint } })));
    // an answer about an address that is not there any more is nobody's
    if (!seen || endpoint !== this.endpoint) return;
    this.#probed = seen;
    this.#stage = "certificate";
  }

  trust(): void {
    this.#trusted = true;
    this.#stage = "token";
  }

  /** Tries the token first: what is wrong with it is said here, and no half-connected cluster remains. */
  async connect(): Promise<void> {
    const seen = this.#probed;
    if (!seen || !this.#trusted) return;
    const given = { token_id: this.tokenId.trim(), token_secret: this.secret.trim(), fingerprint: seen.fingerprint };
    const endpoint = this.endpoint;
    const accepted = await this.#attempt(async () => {
      await client.POST("/api/v1/clusters/probe", { body: { endpoint, ...given } });
      const vmids = {
        first_vmid: this.firstVmid ?? VMIDS.first_vmid,
        last_vmid: this.lastVmid ?? VMIDS.last_vmid,
      };
      const wanted = { name: this.name.trim(), simulator: false, endpoints: [endpoint], ...given, ...vmids };
      const ended = (operation: Operation): void => void (this.#ended = operation);
      return this.#once.ask(wanted, (id) =>
        ask({ id, about: this.name, ended }, (init) => client.POST("/api/v1/clusters", { body: wanted, ...init })),
      );
    });
    if (accepted) {
      this.#clusterId = accepted.cluster_id ?? null;
      this.#stage = "check";
      this.secret = "";
    } else if (this.#problem?.fields["fingerprint"]) this.#another();
  }

  async #attempt<T>(call: () => Promise<T>): Promise<T | null> {
    this.#busy = true;
    this.#problem = null;
    this.#ended = null;
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#problem = error;
      return null;
    } finally {
      this.#busy = false;
    }
  }

  /** The certificate changed between looking and connecting: it is to be compared anew. */
  #another(): void {
    this.#startOver();
    this.#problem = new Problem(422, "other_certificate", wizard.token.failed, wizard.token.otherCertificate);
  }

  #startOver(): void {
    this.#stage = "address";
    this.#probed = null;
    this.#trusted = false;
    this.#problem = null;
    this.#clusterId = this.#ended = null;
    this.secret = "";
  }
}
