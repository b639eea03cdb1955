import { AppError } from '../core/errors.js';
import type { Services } from './services.js';

/**
 * Any name is answered, unless the server is told to be strict: then only the dataset's own.
 *
 * @param name undefined if the request has none
 * @throws AppError
 */
export function assertModel(
  { model, strictModels }: Pick<Services, 'model' | 'strictModels'>,
  name: string | undefined,
): void {
  if (!strictModels || name === undefined || name === model.id) return;
  throw new AppError('model_not_found', {
    message: `The model \`${name}\` does not exist. Expected \`${model.id}\`.`,
  });
}
