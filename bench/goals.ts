/** The table of figures and goals. */

/** The required value of a figure, and the desired one. */
export interface Goal {
  readonly must: number;
  readonly aim: number;
  /** The unit printed after both numbers. */
  readonly unit: string;
  /** True if a higher number is better. */
  readonly isAtLeast?: boolean;
}

/** One row. */
export interface Row {
  readonly what: string;
  readonly measured: string;
  readonly ratio: string;
  /** The number that the goal applies to. */
  readonly figure: number;
  /** Undefined if the figure is only reported. */
  readonly goal: Goal | undefined;
  /** Explanation to print if the goal is missed. */
  readonly excuse?: string | undefined;
}

/** The rows as a Markdown table. */
export function goalTable(rows: readonly Row[]): string {
  const head = '| what | measured | ratio | must reach | aim for | met |\n|---|---|---|---|---|---|';
  return [head, ...rows.map(lineOf)].join('\n');
}

function lineOf({ what, measured, ratio, figure, goal, excuse = '' }: Row): string {
  if (goal === undefined) return `| ${[what, measured, ratio, '', '', ''].join(' | ')} |`;
  const { must, aim, unit, isAtLeast = false } = goal;
  const reaches = (number: number) => (isAtLeast ? figure >= number : figure <= number);
  const met = reaches(aim) ? 'yes, and the aim' : reaches(must) ? 'yes' : `**no**${excuse}`;
  return `| ${[what, measured, ratio, `${must} ${unit}`, `${aim} ${unit}`, met].join(' | ')} |`;
}
