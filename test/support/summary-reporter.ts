import type { Reporter, TestModule } from 'vitest/node';
import { FACTOR, IS_LONG, SEED } from './factor.js';

const SEEDED = `TEST_FACTOR=${FACTOR} TEST_SEED=${SEED}\n`;

/** Ends a run with one plain line: `N passed, N failed`. A run with its own seed prints it first, and again if the run fails. */
export default class SummaryReporter implements Reporter {
  onTestRunStart(): void {
    if (IS_LONG) process.stdout.write(SEEDED);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const states = modules
      .flatMap((module) => [...module.children.allTests()])
      .map((test) => test.result().state);
    const brokenModules = modules.filter(
      (module) => module.state() === 'failed' && module.errors().length > 0,
    );
    const failed =
      states.filter((state) => state === 'failed').length + brokenModules.length + unhandledErrors.length;
    const passed = states.filter((state) => state === 'passed').length;
    if (IS_LONG && failed > 0) process.stdout.write(`\nfailed with ${SEEDED}`);
    process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  }
}
