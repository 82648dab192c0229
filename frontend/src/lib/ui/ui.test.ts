import { cleanup, fireEvent, render, screen } from "@testing-library/svelte";
import { createRawSnippet, tick } from "svelte";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { SHAPES, shapeWord } from "$lib/texts/states";
import Button from "./Button.svelte";
import Chart from "./Chart.svelte";
import ConfirmDialog from "./ConfirmDialog.svelte";
import SelectionBar from "./SelectionBar.svelte";
import StateDot from "./StateDot.svelte";
import Toasts from "./Toasts.svelte";
import { toasts } from "./toasts.svelte";
import TwoStepButton, { READING } from "./TwoStepButton.svelte";
import VirtualList from "./VirtualList.svelte";

const words = (text: string) => createRawSnippet(() => ({ render: () => `<span>${text}</span>` }));

beforeAll(() => {
  // jsdom lays nothing out
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {
        return undefined;
      }
      unobserve() {
        return undefined;
      }
      disconnect() {
        return undefined;
      }
    },
  );
  // nor does it know what the screen is like
  vi.stubGlobal("matchMedia", () => Object.assign(new EventTarget(), { matches: false }));
  // nor layers
  HTMLDialogElement.prototype.showModal = HTMLDialogElement.prototype.show = function () {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function () {
    this.open = false;
  };
  Object.defineProperty(HTMLElement.prototype, "clientHeight", { configurable: true, get: () => 440 });
});
afterEach(cleanup);

describe("Chart", () => {
  it("names what happened twice in the same second twice", () => {
    const marker = { at: 1_790_000_000, label: "Start of memos failed." };
    const chart = { label: "CPU", times: [], series: [], step: 60, format: String, empty: "Nothing was measured." };
    render(Chart, { ...chart, markers: [marker, marker] });
    expect(screen.getAllByText("Start of memos failed.", { exact: false })).toHaveLength(2);
  });
});

describe("Button", () => {
  it("says why it cannot be used, stays reachable, and does nothing", async () => {
    const onclick = vi.fn();
    render(Button, { children: words("Start"), reason: "The node cannot be reached.", onclick });
    const button = screen.getByRole("button", { name: "Start" });
    await fireEvent.click(button);
    expect(onclick).not.toHaveBeenCalled();
    expect(button.getAttribute("aria-disabled")).toBe("true");
    expect(button.hasAttribute("disabled")).toBe(false);
    const described = document.getElementById(button.getAttribute("aria-describedby") ?? "");
    expect(described?.textContent).toBe("The node cannot be reached.");
  });

  it("becomes its progress, and cannot be pressed twice", async () => {
    const onclick = vi.fn();
    render(Button, { children: words("Deploy"), busy: 0.42, onclick });
    const button = screen.getByRole("button", { name: /Deploy/ });
    await fireEvent.click(button);
    expect(onclick).not.toHaveBeenCalled();
    expect(button.getAttribute("aria-busy")).toBe("true");
    expect(button.textContent).toContain("42%");
  });

  it("does what it is for otherwise", async () => {
    const onclick = vi.fn();
    render(Button, { children: words("Start"), onclick });
    await fireEvent.click(screen.getByRole("button", { name: "Start" }));
    expect(onclick).toHaveBeenCalledOnce();
  });
});

describe("StateDot", () => {
  it("tells each state by a word and by a shape of its own", () => {
    const shapes = SHAPES.map((state) => {
      const { container, unmount } = render(StateDot, { state });
      expect(container.textContent).toBe(shapeWord[state]);
      const shape = container.querySelector("[aria-hidden]")?.className;
      unmount();
      return shape;
    });
    expect(new Set(shapes).size).toBe(SHAPES.length);
  });

  it("takes another word", () => {
    const { container } = render(StateDot, { state: "starting", word: "Restarting" });
    expect(container.textContent).toBe("Restarting");
  });
});

describe("ConfirmDialog", () => {
  const props = { open: true, title: "Delete gitea?", effects: ["Container 104 is destroyed."], action: "Delete" };

  it("goes on only when the name is typed as written", async () => {
    const onconfirm = vi.fn();
    render(ConfirmDialog, { ...props, name: "gitea", onconfirm });
    const button = screen.getByRole("button", { name: "Delete" });
    const input = screen.getByLabelText(/^Type gitea/);
    const form = input.closest("form") as HTMLFormElement;
    for (const typed of ["", "gite", "Gitea"]) {
      await fireEvent.input(input, { target: { value: typed } });
      await fireEvent.submit(form);
      expect(button.getAttribute("aria-disabled")).toBe("true");
    }
    expect(onconfirm).not.toHaveBeenCalled();

    await fireEvent.input(input, { target: { value: "gitea" } });
    expect(button.getAttribute("aria-disabled")).toBeNull();
    await fireEvent.submit(form);
    expect(onconfirm).toHaveBeenCalledOnce();
  });

  it("stays open with what was typed when it fails", async () => {
    render(ConfirmDialog, { ...props, name: "gitea", onconfirm: () => Promise.reject(new Error("locked")) });
    const input = screen.getByLabelText(/^Type gitea/);
    await fireEvent.input(input, { target: { value: "gitea" } });
    await fireEvent.submit(input.closest("form") as HTMLFormElement);
    await tick();
    expect((screen.getByLabelText(/^Type gitea/) as HTMLInputElement).value).toBe("gitea");
  });

  it("interrupts, and lists its effects", () => {
    render(ConfirmDialog, { ...props, onconfirm: vi.fn() });
    expect(screen.getByRole("alertdialog", { name: "Delete gitea?" })).toBeDefined();
    expect(screen.getByRole("listitem").textContent).toBe("Container 104 is destroyed.");
  });
});

describe("Dialog", () => {
  it("leaves nobody nowhere when what opened it is gone", async () => {
    const main = document.createElement("main");
    main.tabIndex = -1;
    document.body.append(main);
    const props = { open: true, title: "Give 2 back?", effects: [], action: "Give 2 back", onconfirm: vi.fn() };
    const { rerender } = render(ConfirmDialog, props);
    expect(document.activeElement).toBe(document.body);
    await rerender({ ...props, open: false });
    expect(document.activeElement).toBe(main);
    main.remove();
  });
});

describe("SelectionBar", () => {
  it("tells all from some, and keeps who pressed what goes away with the selection", async () => {
    const children = createRawSnippet(() => ({ render: () => `<button>Ignore</button>` }));
    const props = { chosen: 2, of: 3, onall: vi.fn(), children };
    const { rerender } = render(SelectionBar, props);
    const box = screen.getByRole<HTMLInputElement>("checkbox");
    expect([box.checked, box.indeterminate]).toEqual([false, true]);
    await rerender({ ...props, chosen: 3 });
    expect([box.checked, box.indeterminate]).toEqual([true, false]);
    screen.getByRole("button").focus();
    await rerender({ ...props, chosen: 0 });
    expect([box.checked, box.indeterminate]).toEqual([false, false]);
    expect(document.activeElement).toBe(box);
  });
});

describe("TwoStepButton", () => {
  /** A click so many milliseconds after the page was opened. */
  const clickAt = (button: HTMLElement, time: number) => {
    const click = new MouseEvent("click", { bubbles: true });
    Object.defineProperty(click, "timeStamp", { value: time });
    return fireEvent(button, click);
  };

  it("asks first, does it second, and can be taken back", async () => {
    const onconfirm = vi.fn();
    render(TwoStepButton, { action: "Stop", onconfirm });
    const button = screen.getByRole("button");
    await clickAt(button, 0);
    await fireEvent.keyDown(button, { key: "Escape" });
    await clickAt(button, 1_000);
    expect(onconfirm).not.toHaveBeenCalled();
    expect(screen.getByRole("status").textContent).toContain("Press again to stop");
    await clickAt(button, 1_000 + READING);
    expect(onconfirm).toHaveBeenCalledOnce();
  });

  it("takes a double click for one, and a key that is held down, too", async () => {
    const onconfirm = vi.fn();
    render(TwoStepButton, { action: "Stop", onconfirm });
    const button = screen.getByRole("button");
    await clickAt(button, 0);
    await clickAt(button, READING - 1);
    expect(onconfirm).not.toHaveBeenCalled();
    expect(screen.getByRole("status").textContent).toContain("Press again to stop");
    // what the browser would make a click of; false: it was prevented
    expect(await fireEvent.keyDown(button, { key: "Enter" })).toBe(true);
    expect(await fireEvent.keyDown(button, { key: "Enter", repeat: true })).toBe(false);
    expect(await fireEvent.keyDown(button, { key: "Tab", repeat: true })).toBe(true);
  });

  it("says what it does, or why it cannot", async () => {
    const props = { action: "Stop", onconfirm: vi.fn(), hint: "What it has not saved is lost." };
    const { rerender } = render(TwoStepButton, props);
    const described = () =>
      document.getElementById(screen.getByRole("button").getAttribute("aria-describedby") ?? "")?.textContent;
    expect(described()).toBe("What it has not saved is lost.");
    expect(screen.getByRole("button").hasAttribute("aria-disabled")).toBe(false);
    await rerender({ ...props, reason: "It is stopped." });
    expect(described()).toBe("It is stopped.");
  });
});

describe("Toasts", () => {
  it("keeps failures, lets good news go, and shows one toast per key", async () => {
    vi.useFakeTimers();
    render(Toasts);
    toasts.push({ key: "1", tone: "err", title: "Starting failed" });
    toasts.push({ key: "2", tone: "ok", title: "Stopped" });
    toasts.push({ key: "2", tone: "ok", title: "Started" });
    await tick();
    expect(screen.getAllByRole("listitem")).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(screen.getAllByRole("listitem").map((one) => one.textContent)).toEqual([expect.stringContaining("failed")]);
    await fireEvent.click(screen.getByRole("button", { name: /Dismiss/ }));
    expect(screen.queryByRole("listitem")).toBeNull();
    vi.useRealTimers();
  });
});

describe("VirtualList", () => {
  const row = createRawSnippet((item: () => string) => ({ render: () => `<div role="gridcell">${item()}</div>` }));
  const items = Array.from({ length: 10_000 }, (_, index) => `guest ${index}`);

  it("draws a few of many and says how many there are", () => {
    render(VirtualList<string>, { label: "Guests", items, key: (item: string) => item, height: 44, row });
    expect(screen.getByRole("grid").getAttribute("aria-rowcount")).toBe("10000");
    expect(screen.getAllByRole("row").length).toBeLessThan(30);
    expect(screen.getAllByRole("row")[0]?.getAttribute("aria-rowindex")).toBe("1");
  });

  it("is one tab stop: keys move within, Enter opens, and the active row survives a new order", async () => {
    const onopen = vi.fn();
    const props = { label: "Guests", items, key: (item: string) => item, height: 44, row, onopen };
    const { rerender } = render(VirtualList<string>, props);
    const grid = screen.getByRole("grid");
    await fireEvent.focus(grid);
    await tick();
    for (const key of ["j", "ArrowDown", "k", "End", "Enter"]) await fireEvent.keyDown(grid, { key });
    expect(onopen).toHaveBeenLastCalledWith("guest 9999");
    await fireEvent.keyDown(grid, { key: "Home" });
    await fireEvent.keyDown(grid, { key: "j" });
    await rerender({ ...props, items: ["new", ...items] });
    await fireEvent.keyDown(grid, { key: "Enter" });
    expect(onopen).toHaveBeenLastCalledWith("guest 1");
    const active = document.getElementById(grid.getAttribute("aria-activedescendant") ?? "");
    expect(active?.textContent).toContain("guest 1");
  });
});
