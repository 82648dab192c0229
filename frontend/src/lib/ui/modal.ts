import type { Attachment } from "svelte/attachments";

/** Shows a `<dialog>` above everything else, which nobody reaches then, and gives the focus back when it is shut. */
export function modal(open: boolean): Attachment<HTMLDialogElement> {
  return (dialog) => {
    if (!open) return dialog.close();
    if (!dialog.open) dialog.showModal();
    // what is asked for comes before the button that closes
    dialog.querySelector<HTMLElement>("input, select, textarea")?.focus();
  };
}
