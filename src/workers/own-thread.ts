import { GROWTH_READ_BYTES, INDEXED_AT_ONCE_TURNS, RECORD_BYTES_MAX } from '../core/limits.js';
import { inStep, inSteps } from '../core/steps.js';
import type { TextPosition } from '../core/text-position.js';
import { FileChangedError, withFile, withFileInSteps } from '../dataset/file.js';
import { positionOf } from '../dataset/position.js';
import { Kernel, kernelModule } from '../kernel/kernel.js';
import { explain, failureOf } from './failure-of.js';
import type { WorkerPool } from './pool.js';
import { censusWork, fillIndex, ruleWork, type ShardWork, sketchWork } from './shard-work.js';
import { isStopped } from './stop-flag.js';
import type {
  CensusTask,
  IndexTask,
  KernelCountTask,
  NormalizeTask,
  PositionTask,
  ShardCensus,
  ShardRuleKeys,
  ShardSketches,
  ShardTask,
  TaskResult,
} from './tasks.js';
import { TurnCounter } from './turn-counter.js';
import { InvalidRecordError, walk } from './walk.js';

/** The tasks that an index takes, done by the threads of a pool or by the calling thread. */
export type Workers = Pick<
  WorkerPool,
  'workers' | 'takeCensus' | 'sketchShard' | 'normalizeShard' | 'makeIndex' | 'findPosition' | 'countTurns'
>;

const LIMITS = { blockBytes: GROWTH_READ_BYTES, recordBytesMax: RECORD_BYTES_MAX };

/** Does tasks on the calling thread, one after the other and in steps: short ones take less time than starting a thread. */
class OwnThread implements Workers {
  readonly workers = 1;
  private kernel: Kernel | undefined;
  /** For the texts that rules were applied to. */
  private ruleKernel: Kernel | undefined;
  private readonly turnCounter = new TurnCounter();
  private last: Promise<unknown> | undefined;

  takeCensus(task: CensusTask): Promise<TaskResult<ShardCensus>> {
    return this.walk(task, (kernel) => censusWork(kernel, task));
  }

  sketchShard(task: ShardTask): Promise<TaskResult<ShardSketches>> {
    return this.walk(task, sketchWork);
  }

  normalizeShard(task: NormalizeTask): Promise<TaskResult<ShardRuleKeys>> {
    return this.walk(task, (kernel) => ruleWork(kernel, this.ruleKernelNow, task.seed, task.rules));
  }

  makeIndex(task: IndexTask): Promise<TaskResult<undefined>> {
    const { turns } = task.table.size;
    const fill = () => {
      fillIndex(task, this.kernelNow);
      return undefined;
    };
    return this.inTurn(() => (turns <= INDEXED_AT_ONCE_TURNS ? fill() : inStep(fill)), failureOf);
  }

  countTurns(task: KernelCountTask): Promise<TaskResult<number>> {
    return this.inTurn(() => inSteps(this.turnCounter.count(task, this.kernelNow)), failureOf);
  }

  async findPosition({ file, offset, from }: PositionTask): Promise<TaskResult<TextPosition>> {
    try {
      return { kind: 'done', value: withFile(file, (fd) => positionOf(fd, offset, from)) };
    } catch (error) {
      return failureOf(error);
    }
  }

  private get kernelNow(): Kernel {
    this.kernel ??= newKernel();
    return this.kernel;
  }

  private get ruleKernelNow(): Kernel {
    this.ruleKernel ??= newKernel();
    return this.ruleKernel;
  }

  private walk<T>(task: ShardTask, begin: (kernel: Kernel) => ShardWork<T>): Promise<TaskResult<T>> {
    return this.inTurn(
      () => inSteps(this.steps(task, begin)),
      async (error) => failureOf(error instanceof InvalidRecordError ? await explain(task, error) : error),
    );
  }

  private *steps<T>(task: ShardTask, begin: (kernel: Kernel) => ShardWork<T>): Generator<void, T> {
    const { dataset, shard, seed, stop } = task;
    const kernel = this.kernelNow;
    const assertWanted = () => {
      if (isStopped(stop, shard.index)) throw new FileChangedError('it was closed');
    };
    return yield* withFileInSteps(dataset.file, function* (fd) {
      kernel.useSeed(seed);
      const { add, finish } = begin(kernel);
      const batches = walk(kernel, fd, dataset, shard.range, assertWanted, LIMITS);
      for (;;) {
        const { done, value } = batches.next();
        if (done === true) return finish(value);
        add(value);
        yield;
      }
    });
  }

  /** Does a task after those before it, since they use the same kernel. */
  private inTurn<T>(
    act: () => T | Promise<T>,
    failed: (error: unknown) => TaskResult<T> | Promise<TaskResult<T>>,
  ): Promise<TaskResult<T>> {
    const { last } = this;
    const attempt = async (): Promise<TaskResult<T>> => {
      try {
        return { kind: 'done', value: await act() };
      } catch (error) {
        // After a trap a kernel's memory is undefined: replace the instances.
        if (error instanceof WebAssembly.RuntimeError) {
          this.kernel = undefined;
          this.ruleKernel = undefined;
        }
        return failed(error);
      }
    };
    const result = last === undefined ? attempt() : last.then(attempt);
    const ended = result.then(() => {
      if (this.last === ended) this.last = undefined;
    });
    this.last = ended;
    return result;
  }
}

let own: OwnThread | undefined;

/** The calling thread, as workers. Its kernel is made when it is first needed. */
export function ownThread(): Workers {
  own ??= new OwnThread();
  return own;
}

function newKernel(): Kernel {
  return new Kernel(kernelModule(), 2 * GROWTH_READ_BYTES);
}
