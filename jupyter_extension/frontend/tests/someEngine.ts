import type { Api, IJobQuery } from '../src/api';
import type { IJob, IJobPage } from '../src/messages';

/** An engine's list, asked as the server extension is; `jobs` may be changed meanwhile. */
export class Engine {
  asked: IJobQuery[] = [];
  single: number[] = [];
  troubles: { [cluster: string]: string } = {};
  fails = false;
  /** What is said of a job that is not there. */
  unknown: Error | null = null;

  constructor(public jobs: IJob[]) {}

  get api(): Api {
    const user = async () => 'ann';
    const job = async (cluster: string, id: number) => {
      this.single.push(id);
      if (cluster in this.troubles) {
        throw new Error(this.troubles[cluster]);
      }
      const found = this.jobs.find(one => one.id === id);
      if (!found && this.unknown) {
        throw this.unknown;
      }
      return structuredClone(found);
    };
    return { jobs: (query: IJobQuery) => this.page(query), user, job } as unknown as Api;
  }

  private async page(query: IJobQuery): Promise<IJobPage> {
    this.asked.push(query);
    if (this.fails) {
      throw new Error('The engine is away.');
    }
    const { before, status, user, q, limit } = query;
    const found = this.jobs.filter(
      job =>
        (!before || job.id < Number(before)) &&
        (!status || job.status === status) &&
        (!user || job.user === user) &&
        (!q || job.name.includes(q)) &&
        !(job.cluster in this.troubles)
    );
    const jobs = found.slice(0, limit);
    const next = found.length > jobs.length ? String(jobs.at(-1)!.id) : null;
    return structuredClone({ jobs, next, troubles: this.troubles });
  }
}
