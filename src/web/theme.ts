import { effect, signal } from '@preact/signals';

const NAME = 'verbatim-theme';
const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

/** The colours: `auto` for those of the system. */
export const theme = signal<Theme>(THEMES.find((each) => each === localStorage.getItem(NAME)) ?? 'auto');

/** The next of the three. */
export function toggleTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] as Theme;
}

effect(() => {
  localStorage.setItem(NAME, theme.value);
  document.documentElement.dataset.theme = theme.value;
});
