// Runs before the first paint: the chosen theme, or the system's where none was chosen (lib/theme).
try {
  const theme = localStorage.getItem("proximity.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // storage is forbidden: the system's theme it is
}
