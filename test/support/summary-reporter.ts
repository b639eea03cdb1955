import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with one plain line: `N passed, N failed`. */
export default class SummaryReporter implements Reporter {
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
    process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  }
}
