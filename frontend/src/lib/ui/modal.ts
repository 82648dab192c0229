import type { Attachment } from "svelte/attachments";

/** Shows a `<dialog>` above everything else, which nobody reaches then, and gives the focus back when it is shut. */
export function modal(open: boolean): Attachment<HTMLDialogElement> {
  return (dialog) => {
    if (!open) {
      const shut = dialog.open;
      dialog.close();
      // what opened it may have gone with what it was about
      if (shut && document.activeElement === document.body)
        document.querySelector("main")?.focus({ preventScroll: true });
      return;
    }
    if (!dialog.open) dialog.showModal();
    // what is asked for comes before the button that closes
    dialog.querySelector<HTMLElement>("input, select, textarea")?.focus();
  };
}
