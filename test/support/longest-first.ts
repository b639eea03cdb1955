import { BaseSequencer, type TestSpecification } from 'vitest/node';

const PROJECTS = ['packaging', 'process', 'fast'];

/** Starts the projects with the longest files first, so that no worker idles while another finishes a long file. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ project }: TestSpecification) => PROJECTS.indexOf(project.name);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}
