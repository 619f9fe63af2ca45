import { vi } from 'vitest';

import type { IJob, IJobPage } from '../src/messages';

/** Return a job as an engine tells it; the higher its id, the later it was submitted. */
export function someJob(id: number, changed: Partial<IJob> = {}): IJob {
  return {
    id,
    cluster: 'c',
    status: 'Finished',
    submitted: new Date(Date.UTC(2026, 0, 1) + id * 1000).toISOString(),
    request_url: '',
    log_url: '',
    code_sha256: '',
    name: `job-${id}`,
    user: 'ann',
    reason: null,
    exit_code: 0,
    signal: null,
    started: null,
    ended: null,
    node: null,
    pid: null,
    queue_position: null,
    log_size: 0,
    outputs_size: 0,
    origin: {},
    params: {},
    inputs: [],
    outputs: [],
    files: [],
    requirements: [],
    resources: {},
    timeout_s: null,
    rerun_of: null,
    usage: null,
    progress: null,
    memory_peak_bytes: null,
    clean: false,
    ...changed
  };
}

/** Return jobs from one id down to another, newest first. */
export function jobsDownTo(newest: number, oldest: number): IJob[] {
  return Array.from({ length: newest - oldest + 1 }, (_, index) => someJob(newest - index));
}

/** Return a page of jobs. */
export function page(
  jobs: IJob[],
  next: string | null = null,
  troubles: { [name: string]: string } = {}
): IJobPage {
  return { jobs, next, troubles };
}

/** Wait until something holds; where a test has fake timers, their time passes meanwhile. */
export async function until(holds: () => boolean): Promise<void> {
  await vi.waitUntil(holds, { interval: 10, timeout: 20_000 });
}
