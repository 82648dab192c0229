import { client, type DeployRequest, type Operation, Problem } from "$lib/api";
import { ask } from "$lib/stores";
import { operationTexts } from "$lib/texts/operations";

/** Asks for it under this id, which becomes the operation's. Throws the Problem that it was refused with. */
export async function deploy(request: DeployRequest, id: string): Promise<string> {
  const wish = { id, about: request.name, ended: () => undefined };
  const accepted = await ask(wish, (init) => client.POST("/api/v1/applications", { body: request, ...init }));
  return accepted.operation_id;
}

/** Frees the name of an application whose deployment failed. Throws a Problem if that failed as well. */
export function removeFailed(applicationId: string, name: string): Promise<void> {
  const params = { path: { application_id: applicationId } };
  return new Promise((resolve, reject) => {
    const wish = {
      about: name,
      ended: ({ status, kind, cause }: Operation) =>
        status === "succeeded"
          ? resolve()
          : reject(new Problem(409, cause?.code ?? status, operationTexts.failedTitle(kind), cause?.message ?? "")),
    };
    ask(wish, (init) => client.DELETE("/api/v1/applications/{application_id}", { params, ...init })).catch(reject);
  });
}
