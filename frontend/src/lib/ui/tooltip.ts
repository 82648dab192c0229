import type { Attachment } from "svelte/attachments";

const GAP = 6;
let box: HTMLElement | undefined;
let owner: HTMLElement | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** One box for the whole page, in the top layer, so that nothing clips it. */
function theBox(): HTMLElement {
  if (box?.isConnected) return box;
  box = document.createElement("div");
  box.popover = "manual";
  // what it says is also said by the control itself, to those who do not see it
  box.setAttribute("aria-hidden", "true");
  box.className =
    "pointer-events-none fixed m-0 max-w-72 rounded-row border border-line bg-raise px-2 py-1 text-small text-ink shadow-float";
  document.body.append(box);
  return box;
}

function place(tip: HTMLElement, anchor: DOMRect): void {
  const { width, height } = tip.getBoundingClientRect();
  const above = anchor.top - height - GAP;
  const left = anchor.left + (anchor.width - width) / 2;
  tip.style.top = `${above >= 0 ? above : anchor.bottom + GAP}px`;
  tip.style.left = `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`;
}

function show(node: HTMLElement, text: string): void {
  const tip = theBox();
  tip.textContent = text;
  owner = node;
  if (!tip.matches(":popover-open")) tip.showPopover?.();
  place(tip, node.getBoundingClientRect());
}

function hide(node: HTMLElement): void {
  clearTimeout(timer);
  if (owner !== node) return;
  owner = undefined;
  if (box?.matches(":popover-open")) box.hidePopover();
}

/** Shows `text` while `node` is pointed at (after 400 ms) or focused by keyboard; Escape puts it away. */
export function tooltip(text: string | undefined): Attachment<HTMLElement> {
  return (node) => {
    if (!text) return;
    const leave = () => hide(node);
    const listeners: Partial<Record<keyof HTMLElementEventMap, (event: Event) => void>> = {
      pointerenter: () => {
        clearTimeout(timer);
        timer = setTimeout(() => show(node, text), 400);
      },
      // a tap shows what it is described by; there is no hovering on a touch screen
      click: () => node.hasAttribute("aria-describedby") && show(node, text),
      focus: () => node.matches(":focus-visible") && show(node, text),
      pointerleave: leave,
      blur: leave,
      keydown: (event) => (event as KeyboardEvent).key === "Escape" && leave(),
    };
    for (const [type, listener] of Object.entries(listeners)) node.addEventListener(type, listener);
    return () => {
      for (const [type, listener] of Object.entries(listeners)) node.removeEventListener(type, listener);
      leave();
    };
  };
}
