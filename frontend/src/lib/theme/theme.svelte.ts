export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

// static/theme.js reads the same key before the first paint
const KEY = "proximity.theme";

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

/** The theme a person chose for this browser; "system" follows the operating system. */
class ThemeChoice {
  #choice = $state<Theme>(stored());

  get choice(): Theme {
    return this.#choice;
  }

  set choice(theme: Theme) {
    this.#choice = theme;
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      if (theme === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      // storage is forbidden: it holds until the page is left
    }
  }
}

export const theme = new ThemeChoice();
