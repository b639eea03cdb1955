/** Resource usage of a process, as Linux reports it; NaN on other systems. */

import { readFileSync } from 'node:fs';

/** Resident memory of a process, in 1,000,000 bytes. */
export interface Memory {
  readonly residentMegabytes: number;
  /** Its peak. */
  readonly peakMegabytes: number;
}

/** Linux counts the time of a process in hundredths of a second, on all its architectures. */
const TICK_MICROSECONDS = 10_000;
const BYTES_PER_KILOBYTE = 1024;

export function memoryOf(pid: number): Memory {
  const status = processFile(pid, 'status');
  const megabytes = (name: string) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * BYTES_PER_KILOBYTE) / 1e6;
  return { residentMegabytes: megabytes('VmRSS'), peakMegabytes: megabytes('VmHWM') };
}

/** CPU time of all threads of a process, in user and kernel mode, in microseconds. */
export function cpuMicrosecondsOf(pid: number): number {
  return cpuMicrosecondsIn(processFile(pid, 'stat'));
}

/** The same, from the text of /proc/PID/stat. */
export function cpuMicrosecondsIn(stat: string): number {
  // The second field is the program's name in parentheses, which may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [userTicks, kernelTicks] = fields.slice(11, 13);
  return (Number(userTicks) + Number(kernelTicks)) * TICK_MICROSECONDS;
}

function processFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
