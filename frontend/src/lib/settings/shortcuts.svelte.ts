// kept where the theme is kept: it belongs to this keyboard, not to the person
const KEY = "proximity.shortcuts";

function stored(): boolean {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

/** Whether single keys do something (WCAG 2.1.4: they can be turned off). Whoever listens for keys asks here. */
class Shortcuts {
  #on = $state(stored());

  get on(): boolean {
    return this.#on;
  }

  set on(wanted: boolean) {
    this.#on = wanted;
    try {
      if (wanted) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, "off");
    } catch {
      // storage is forbidden: it holds until the page is left
    }
  }
}

export const shortcuts = new Shortcuts();
