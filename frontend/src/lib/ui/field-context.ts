import { createContext } from "svelte";

/** What a Field tells the control inside it. Getters, so that it stays current. */
export interface FieldContext {
  readonly label: string;
  readonly required: boolean;
  /** Attributes that tie the control to its label, hint and error. */
  readonly attributes: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": true | undefined;
    required: boolean;
  };
}

const [get, set] = createContext<FieldContext>();
export const provideField = set;

/** The surrounding Field; a control outside of one brings its own label. */
export function fieldAround(): FieldContext | undefined {
  try {
    return get();
  } catch {
    return undefined;
  }
}
