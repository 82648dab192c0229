/** What a person typed of a guest that is to be adopted: pure. */
import type { components } from "$lib/api/schema";
import { discoveryTexts as texts } from "$lib/texts/discovery";

export interface Wanted {
  name: string;
  port: string;
  scheme: "guess" | "http" | "https";
  path: string;
}

/** What is wrong with each field, in the order of the fields. */
export function wrong({ name, port, path }: Wanted): Partial<Record<keyof Wanted, string>> {
  const number = Number(port);
  const isPort = port.trim() === "" || (/^\d+$/.test(port.trim()) && number >= 1 && number <= 65_535);
  return {
    ...(name.trim() === "" && { name: texts.nameWrong }),
    ...(!isPort && { port: texts.portWrong }),
    ...(path !== "" && !/^\/[!-~]*$/.test(path) && { path: texts.pathWrong }),
  };
}

export function requestOf({ name, port, scheme, path }: Wanted): components["schemas"]["AdoptRequest"] {
  return {
    name: name.trim(),
    port: port.trim() === "" ? null : Number(port),
    scheme: scheme === "guess" ? null : scheme,
    path: path === "" ? "/" : path,
  };
}
