// Runs before the first paint, so that nobody sees the other theme for a blink. See src/ui/theme.tsx.
{
  const theme = localStorage.getItem("dispensary.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
