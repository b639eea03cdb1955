import { defineConfig } from '@playwright/test';

export default defineConfig({
  use: {
    // A browser of the system instead of Playwright's own.
    launchOptions: process.env.CHROMIUM
      ? { executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] }
      : {},
  },
});
